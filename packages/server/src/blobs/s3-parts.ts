/**
 * Bytes of a part: the least that S3 takes of any but the last (User Guide, multipart upload limits), since every upload
 * holds one. With at most 10,000 parts an object may have 48 GiB.
 */
export const partBytes = 5 * 1024 * 1024;

/** What a small body costs in memory. */
const firstBytes = 64 * 1024;

/**
 * The same bytes in pieces of `partBytes`; the last may be shorter, and none is empty. A chunk is copied before the next
 * is asked for. A piece stays valid until the next is asked for: all lie in the same memory, which grows with the first.
 */
export async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let memory: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      const needed = Math.min(partBytes, filled + chunk.byteLength - at);
      if (needed > memory.byteLength) memory = grown(memory, filled, needed);
      const taken = Math.min(chunk.byteLength - at, memory.byteLength - filled);
      memory.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < partBytes) continue;
      yield memory;
      filled = 0;
    }
  }
  if (filled > 0) yield memory.subarray(0, filled);
}

/** At least twice as large, and never larger than a part. */
function grown(memory: Buffer, filled: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(partBytes, Math.max(needed, 2 * memory.byteLength)));
  memory.copy(larger, 0, 0, filled);
  return larger;
}
