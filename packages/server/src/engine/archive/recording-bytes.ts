import { createHash } from 'node:crypto';
import { sealStream } from '../../keys/sealing.ts';
import type { Artifact } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import { contextOf } from '../secrets.ts';
import type { StoredFacts } from './new-call.ts';

/** What is measured of a recording while its bytes pass. `sha256` in hex, `sizeBytes` of the plaintext. */
export type Measured = Pick<StoredFacts, 'sha256' | 'sizeBytes'>;

/**
 * Seals a recording into the blob store as it comes, under the blob and the slot that its row, which must have been
 * committed, names. Nothing of it is ever whole in memory or plain on disk.
 *
 * `blobBytes` is the size as sealed. Throws `upload_too_large` above the server's limit, the signal's reason when it is
 * aborted, what the source throws, and `key_destroyed` or `blob_failed` where somebody has taken the key or the bytes.
 */
export async function sealRecording(
  engine: Engine,
  artifact: Artifact,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Measured & { blobBytes: number }> {
  const measuring = measure(source, engine.limits.uploadBytesMax);
  const key = await engine.tree.keyOf(artifact.slot);
  const sealed = sealStream(key, contextOf(artifact), measuring.bytes);
  key.fill(0);
  const { sizeBytes: blobBytes } = await engine.blobs.create(artifact.blob ?? '', sealed, { signal });
  return { ...measuring.end(), blobBytes };
}

/** Reads a recording to its end and stores nothing. Throws `upload_too_large`, and what the source throws. */
export async function measureRecording(
  engine: Pick<Engine, 'limits'>,
  source: AsyncIterable<Uint8Array>,
): Promise<Measured> {
  const measuring = measure(source, engine.limits.uploadBytesMax);
  for await (const _ of measuring.bytes);
  return measuring.end();
}

/** The same bytes, measured as they pass; `end` is to be asked once they have. */
function measure(
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
): { bytes: AsyncIterable<Uint8Array>; end(): Measured } {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  async function* passing() {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      if (sizeBytes > bytesMax) throw new AppError('upload_too_large');
      hash.update(chunk);
      yield chunk;
    }
  }
  return { bytes: passing(), end: () => ({ sha256: hash.digest('hex'), sizeBytes }) };
}
