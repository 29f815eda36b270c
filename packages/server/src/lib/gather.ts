/**
 * The same bytes in pieces of `pieceBytes` (the last may be shorter; none is empty): where each piece costs a system
 * call, fewer and larger ones cost less. A chunk is copied before the next is asked for, so a source may use its memory
 * again; a piece stays valid until the next is asked for.
 */
export async function* gather(source: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Buffer> {
  const piece = Buffer.allocUnsafeSlow(pieceBytes);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      const taken = Math.min(chunk.byteLength - at, pieceBytes - filled);
      piece.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < pieceBytes) continue;
      yield piece;
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
