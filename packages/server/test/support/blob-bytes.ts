/** Sources of bytes that behave in every way a caller's might, and what is asked of a blob store again and again. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { newId } from '../../src/lib/ids.ts';
import type { BlobName, BlobReader, BlobStore, StoredBlob } from '../../src/model/blob-store.ts';
import { hasCode } from '../../src/model/errors.ts';

export const MiB = 1024 * 1024;
export const farFuture = new Date('2200-01-01T00:00:00Z');
export const longAgo = new Date('2000-01-01T00:00:00Z');

/** Everything that has ever climbed out of a folder, and more. */
export const badNames: readonly string[] = [
  ...['', '.', '..', '../up', '..%2fup', 'a/b', 'a\\b', '/etc/passwd', 'a\0', 'a\n'],
  ...['-flag', 'A', 'a b', 'a.b', '.a.new', '\u00e9', 'a'.repeat(101)],
];

/** A name as the engine makes them. */
export function newName(): BlobName {
  slot += 1;
  return `${newId(Date.now())}-${slot}`;
}
let slot = 0;

/** Bytes that look random and are the same for the same seed. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed + 1) * 0x9e3779b1;
  for (let index = 0; index < length; index += 1) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** All of `bytes` in chunks of `size`. */
export async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += size) yield bytes.subarray(start, start + size);
}

/** Yields `length` bytes, then fails. */
export async function* failing(length: number, error: Error): AsyncGenerator<Uint8Array> {
  yield* chunks(noise(length, 0), MiB);
  throw error;
}

/** Three chunks in the same memory. */
export async function* reusingOneBuffer(): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(4);
  for (const letter of 'abc') yield buffer.fill(letter);
}

/** Yields `bytes`, then stays silent until it is told to end. */
export function stallingAfter(bytes: Buffer): {
  source: AsyncIterable<Uint8Array>;
  isStalled: Promise<void>;
  resume: () => void;
} {
  const stalled = gate();
  const resumed = gate();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks(bytes, MiB);
    stalled.open();
    await resumed.opened;
  }
  return { source: source(), isStalled: stalled.opened, resume: resumed.open };
}

/** Passes `source` on and tells whether anybody asked for it. */
export function watching(source: AsyncIterable<Uint8Array>): {
  source: AsyncIterable<Uint8Array>;
  wasPulled: () => boolean;
} {
  let pulled = false;
  async function* watched(): AsyncGenerator<Uint8Array> {
    pulled = true;
    yield* source;
  }
  return { source: watched(), wasPulled: () => pulled };
}

/** A promise, and what fulfils it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export async function gather(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const found: Buffer[] = [];
  for await (const piece of pieces) found.push(piece);
  return Buffer.concat(found);
}

/** Compared in place of the bytes where a difference of megabytes would be printed. */
export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function withReader(
  store: BlobStore,
  name: BlobName,
  use: (reader: BlobReader) => Promise<void>,
): Promise<void> {
  const reader = await store.open(name);
  if (reader === null) throw new Error(`no blob ${name}`);
  try {
    await use(reader);
  } finally {
    await reader.close();
  }
}

export async function contentOf(store: BlobStore, name: BlobName): Promise<Buffer> {
  let content: Buffer = Buffer.alloc(0);
  await withReader(store, name, async (reader) => {
    content = await gather(reader.read(0, reader.sizeBytes));
  });
  return content;
}

export async function listed(store: BlobStore): Promise<StoredBlob[]> {
  const found: StoredBlob[] = [];
  for await (const blob of store.list()) found.push(blob);
  return found;
}

/** Runs `work` on all items, 16 at a time. */
export async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < items.length; start += 16) await Promise.all(items.slice(start, start + 16).map(work));
}

export async function expectBlobFailed(result: Promise<unknown>): Promise<void> {
  await expect(result).rejects.toSatisfy((error) => hasCode(error, 'blob_failed'));
}

/** The name has no byte of any kind, whichever way one asks. */
export async function expectNothing(store: BlobStore, name: BlobName): Promise<void> {
  expect(await store.stat(name)).toBeNull();
  expect(await store.open(name)).toBeNull();
  expect(await store.remaining([name])).toEqual(new Set());
  expect((await listed(store)).filter((blob) => blob.name === name)).toEqual([]);
}
