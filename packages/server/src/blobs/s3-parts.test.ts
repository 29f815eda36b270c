import { expect, test } from 'vitest';
import { inParts, partBytes } from './s3-parts.ts';

async function* chunksOf(total: number, size: number): AsyncGenerator<Uint8Array> {
  const memory = Buffer.alloc(size);
  for (let sent = 0; sent < total; ) {
    const length = Math.min(size, total - sent);
    for (let index = 0; index < length; index += 1) memory[index] = (sent + index) % 251;
    sent += length;
    yield memory.subarray(0, length);
  }
}

test.each([
  [0, 1000],
  [1, 1000],
  [64 * 1024, 1000],
  [64 * 1024 + 1, 64 * 1024],
  [partBytes - 1, 999_983],
  [partBytes, partBytes],
  [partBytes + 1, 3 * partBytes],
  [3 * partBytes, 999_983],
  [2 * partBytes + 7, 2 * partBytes + 7],
])('%i bytes in chunks of %i come in whole parts, and the rest last', async (total, size) => {
  const lengths: number[] = [];
  let position = 0;
  for await (const part of inParts(chunksOf(total, size))) {
    lengths.push(part.byteLength);
    expect(part.every((byte, index) => byte === (position + index) % 251)).toBe(true);
    position += part.byteLength;
  }
  expect(position).toBe(total);
  expect(lengths.slice(0, -1).every((length) => length === partBytes)).toBe(true);
  expect(lengths.at(-1) ?? 1).toBeGreaterThan(0);
});

test('a small body takes little memory', async () => {
  for await (const part of inParts(chunksOf(20_000, 1000))) {
    expect(part.buffer.byteLength).toBe(64 * 1024);
  }
});
