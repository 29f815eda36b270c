import { openRange, plainSizeBytes } from '../../keys/sealing.ts';
import type { BlobName } from '../../model/blob-store.ts';
import type { Artifact } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoredFacts } from '../archive/new-call.ts';
import { openJson } from '../artifacts.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { gatedAmong } from '../erasure/gates.ts';
import { contextOf } from '../secrets.ts';
import { visibleCall } from './visible-call.ts';

/** How often a running download asks whether it is still allowed. */
const recheckMs = 1000;

/** A recording found and opened; `body` may be asked for once. */
export type OpenedRecording = Pick<StoredFacts, 'contentType' | 'format'> & {
  sizeBytes: number;
  /** Plaintext from `start` to just before `endExclusive`. Cut with an error within a second of an erasure's start. */
  body(start: number, endExclusive: number): AsyncGenerator<Buffer>;
  close(): Promise<void>;
};

/** Opens a call's recording. Throws `recording_not_found` for what is unknown, foreign, erased or being erased. */
export async function openRecording(engine: Engine, caller: Caller, callId: string): Promise<OpenedRecording> {
  requireScope(caller, 'calls:read');
  const visible = await visibleCall(engine.store.reads, caller.tenant.id, callId);
  if (visible === undefined || visible.gated.has('recording')) throw new AppError('recording_not_found');
  const artifact = await engine.store.reads.artifacts.find(callId, 'recording');
  if (!artifact?.blob || !artifact.sealed) throw new AppError('recording_not_found');
  try {
    return await open(engine, callId, artifact, artifact.blob);
  } catch (error) {
    // Erased between two of our reads: to the caller that is the same as not there.
    const isGone =
      hasCode(error, 'key_destroyed') || (await engine.store.reads.artifacts.find(callId, 'recording')) === undefined;
    throw isGone ? new AppError('recording_not_found') : error;
  }
}

async function open(engine: Engine, callId: string, artifact: Artifact, blob: BlobName): Promise<OpenedRecording> {
  const facts = await openJson<StoredFacts>(engine, artifact, 'recording-facts');
  const reader = await engine.blobs.open(blob);
  if (reader === null) throw new AppError('damage', { detail: `bytes of ${callId} are missing` });
  try {
    const sizeBytes = plainSizeBytes(reader.sizeBytes);
    const key = await engine.tree.keyOf(artifact.slot);
    let plain: AsyncGenerator<Buffer> | undefined;
    return {
      contentType: facts.contentType,
      format: facts.format,
      sizeBytes,
      body: (start, endExclusive) => {
        plain = openRange(key, contextOf(artifact), reader, { start, endExclusive });
        key.fill(0);
        return whileAllowed(engine, callId, plain);
      },
      close: async () => {
        key.fill(0);
        // A body that nobody has begun to read would keep its copy of the key.
        await plain?.return(undefined);
        await reader.close();
      },
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function* whileAllowed(engine: Engine, callId: string, plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let checkedAt = engine.clock.now();
  for await (const chunk of plain) {
    if (Math.abs(engine.clock.now() - checkedAt) >= recheckMs) {
      checkedAt = engine.clock.now();
      if (!engine.reach.isVaultThere) throw new AppError('vault_unreachable');
      // The row last: an erasure that lets go of its gate between the two reads has taken it.
      const isHidden = (await gatedAmong(engine.store.reads, [callId], 'recording')).has(callId);
      const isThere = (await engine.store.reads.artifacts.find(callId, 'recording')) !== undefined;
      if (isHidden || !isThere) throw new AppError('recording_not_found');
    }
    yield chunk;
  }
}
