import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gather } from './gather.ts';

test('gathered pieces are the same bytes, all but the last of the size asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.integer({ min: 1, max: 50 }),
      async (chunks, size) => {
        const pieces: Buffer[] = [];
        for await (const piece of gather(reusing(chunks), size)) pieces.push(Buffer.from(piece));
        expect(Buffer.concat(pieces)).toEqual(Buffer.concat(chunks));
        expect(pieces.slice(0, -1).every((piece) => piece.byteLength === size)).toBe(true);
        expect(pieces.every((piece) => piece.byteLength > 0)).toBe(true);
      },
    ),
  );
});

/** Gives every chunk in the same memory. */
async function* reusing(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(40);
  for (const chunk of chunks) {
    memory.set(chunk);
    yield await Promise.resolve(memory.subarray(0, chunk.byteLength));
  }
}
