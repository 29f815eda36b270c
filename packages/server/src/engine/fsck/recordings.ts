import { openRange, plainSizeBytes } from '../../keys/sealing.ts';
import type { BlobReader } from '../../model/blob-store.ts';
import type { Artifact } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { contextOf } from '../secrets.ts';
import type { Look } from './look.ts';
import type { ProblemCode } from './problem-meanings.ts';

/** A suspicion is looked at this often before it is a problem. */
const looks = 2;

/**
 * The bytes of an archived recording are there and have the size that the row says. In a deep look they also begin and
 * end as a sealing under this key and place does: first and last segment are opened, which takes two small reads however
 * long the recording is; what lies between is proven when it is read.
 *
 * Bytes go only after their row has gone, so a suspicion holds where the row still names them after it arose.
 */
export async function checkRecording(look: Look, artifact: Artifact, key: Uint8Array): Promise<void> {
  look.findings.count('recordings', 1);
  for (let seen = 1; ; seen += 1) {
    const suspicion = await suspicionOf(look, artifact, key);
    if (suspicion === undefined || !(await isStillNamed(look, artifact))) return;
    if (suspicion.kind === 'unreadable') throw suspicion.error;
    if (seen < looks) continue;
    look.findings.problem(suspicion.code, `recording of ${artifact.ownerId}, slot ${artifact.slot}`);
    return;
  }
}

type Suspicion = { kind: 'problem'; code: ProblemCode } | { kind: 'unreadable'; error: unknown };

/** A store that fails may only say that the bytes were erased while they were being read. */
async function suspicionOf(look: Look, artifact: Artifact, key: Uint8Array): Promise<Suspicion | undefined> {
  try {
    const code = await problemOf(look, artifact, key);
    return code && { kind: 'problem', code };
  } catch (error) {
    if (hasCode(error, 'blob_failed')) return { kind: 'unreadable', error };
    throw error;
  }
}

async function problemOf(look: Look, artifact: Artifact, key: Uint8Array): Promise<ProblemCode | undefined> {
  if (artifact.blob === null) return 'blob_missing';
  if (!look.isDeep) {
    const stored = await look.engine.blobs.stat(artifact.blob);
    return stored === null ? 'blob_missing' : sizeProblem(stored.sizeBytes, artifact);
  }
  const reader = await look.engine.blobs.open(artifact.blob);
  if (reader === null) return 'blob_missing';
  try {
    return sizeProblem(reader.sizeBytes, artifact) ?? (await sealingProblem(reader, artifact, key));
  } finally {
    await reader.close();
  }
}

function sizeProblem(sizeBytes: number, artifact: Artifact): ProblemCode | undefined {
  const isRight = sizeBytes === artifact.blobBytes && plainSize(sizeBytes) !== undefined;
  return isRight ? undefined : 'blob_size';
}

async function sealingProblem(
  reader: BlobReader,
  artifact: Artifact,
  key: Uint8Array,
): Promise<ProblemCode | undefined> {
  try {
    // One byte at the very start: header, first and last segment, and no more, are read and opened.
    const range = { start: 0, endExclusive: Math.min(1, plainSizeBytes(reader.sizeBytes)) };
    for await (const chunk of openRange(key, contextOf(artifact), reader, range)) chunk.fill(0);
    return undefined;
  } catch (error) {
    if (hasCode(error, 'damage')) return 'blob_damaged';
    throw error;
  }
}

function plainSize(sealedBytes: number): number | undefined {
  try {
    return plainSizeBytes(sealedBytes);
  } catch (error) {
    if (hasCode(error, 'damage')) return undefined;
    throw error;
  }
}

/** Whether the last committed state still names these bytes. */
async function isStillNamed(look: Look, artifact: Artifact): Promise<boolean> {
  const [now] = await look.engine.store.reads.artifacts.page(artifact.slot, 1);
  return now?.slot === artifact.slot && now.blob === artifact.blob;
}
