import { openBytes, sealBytes } from '../keys/sealing.ts';
import { nextTurn } from '../lib/next-turn.ts';
import type { Artifact } from '../model/call.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { Engine } from './context.ts';
import { intactKeys } from './intact-keys.ts';
import { contextOf } from './secrets.ts';

/** Facts about a recording are sealed under its own slot, apart from its bytes by their kind. */
export type SealedKind = Artifact['kind'] | 'recording-facts';

/** Seals JSON under an artifact's slot, whose row must have been committed. */
export async function sealJson(
  engine: Engine,
  artifact: Artifact,
  value: unknown,
  kind: SealedKind = artifact.kind,
): Promise<Buffer> {
  const key = await engine.tree.keyOf(artifact.slot);
  const sealed = sealBytes(key, { ...contextOf(artifact), kind }, Buffer.from(JSON.stringify(value)));
  key.fill(0);
  return sealed;
}

/** Opens what `sealJson` sealed. The guarantee of its shape is that nobody else can have written it. */
export async function openJson<T>(engine: Engine, artifact: Artifact, kind: SealedKind = artifact.kind): Promise<T> {
  const key = await engine.tree.keyOf(artifact.slot);
  try {
    return openJsonUnder(key, artifact, kind);
  } finally {
    key.fill(0);
  }
}

/** The same with the key of the artifact's slot, which stays the caller's to wipe. Throws `damage` for what does not open. */
export function openJsonUnder<T>(key: Uint8Array, artifact: Artifact, kind: SealedKind = artifact.kind): T {
  if (artifact.sealed === null) throw new AppError('damage', { detail: `${kind} of ${artifact.ownerId} is empty` });
  const plain = openBytes(key, { ...contextOf(artifact), kind }, artifact.sealed);
  return JSON.parse(plain.toString('utf8')) as T;
}

/** Correlations opened in one go before others get their turn. */
const batch = 250;

/**
 * The correlations of calls (what the client needs to recognise each), by call id. Calls whose correlation was erased,
 * also in between two of our reads, are left out.
 */
export async function readCorrelations(
  engine: Engine,
  callIds: readonly string[],
): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>();
  for (let from = 0; from < callIds.length; from += batch) {
    const some = callIds.slice(from, from + batch);
    const artifacts = await engine.store.reads.artifacts.findMany(some, 'correlation');
    const { keys } = await intactKeys(
      engine,
      artifacts.map((artifact) => artifact.slot),
    );
    for (const artifact of artifacts) {
      const key = keys.get(artifact.slot);
      if (key === undefined || artifact.sealed === null) continue;
      const correlation = openOrSkip(engine, artifact, artifact.sealed, key);
      if (correlation !== undefined) found.set(artifact.ownerId, correlation);
    }
    await nextTurn();
  }
  return found;
}

/** What names a call must not keep it from being erased: a damaged sealing is told to the operator and left out. */
function openOrSkip(engine: Engine, artifact: Artifact, sealed: Uint8Array, key: Buffer) {
  try {
    return JSON.parse(openBytes(key, contextOf(artifact), sealed).toString('utf8')) as Record<string, unknown>;
  } catch (error) {
    if (!hasCode(error, 'damage')) throw error;
    engine.log.error('artifact.damaged', { ownerId: artifact.ownerId, kind: artifact.kind });
    return undefined;
  } finally {
    key.fill(0);
  }
}
