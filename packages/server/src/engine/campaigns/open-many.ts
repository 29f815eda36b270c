import { openBytes } from '../../keys/sealing.ts';
import type { Artifact } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { Engine } from '../context.ts';
import { intactKeys } from '../intact-keys.ts';
import { contextOf } from '../secrets.ts';

/**
 * Opens JSON artifacts of many owners, each leaf of the key tree once. By owner; what was not sealed yet, or whose key was
 * destroyed, is left out. Throws `damage` for what does not open.
 *
 * The guarantee of a shape is that nobody but the verbs of this folder seals these kinds.
 */
export async function openMany<T>(engine: Engine, artifacts: readonly Artifact[]): Promise<Map<string, T>> {
  const { opened, damaged } = await openEach<T>(engine, artifacts);
  const [broken] = damaged;
  if (broken !== undefined) throw damageOf(broken);
  return opened;
}

/**
 * The same for a list, in which a damaged artifact keeps no other from being shown: it is left out of `opened`, its owner
 * is in `damaged`, and the operator is told.
 */
export async function openIntact<T>(
  engine: Engine,
  artifacts: readonly Artifact[],
): Promise<{ opened: Map<string, T>; damaged: ReadonlySet<string> }> {
  const { opened, damaged } = await openEach<T>(engine, artifacts);
  for (const { ownerId, kind } of damaged) engine.log.error('artifact.damaged', { ownerId, kind });
  return { opened, damaged: new Set(damaged.map(({ ownerId }) => ownerId)) };
}

/** Said of an artifact that does not open. */
function damageOf({ ownerId, kind }: Pick<Artifact, 'ownerId' | 'kind'>): AppError {
  return new AppError('damage', { detail: `${kind} of ${ownerId} does not open` });
}

async function openEach<T>(
  engine: Engine,
  artifacts: readonly Artifact[],
): Promise<{ opened: Map<string, T>; damaged: Artifact[] }> {
  const { keys, damaged: closed } = await intactKeys(
    engine,
    artifacts.map((artifact) => artifact.slot),
  );
  const opened = new Map<string, T>();
  const damaged: Artifact[] = [];
  try {
    for (const artifact of artifacts) {
      const key = keys.get(artifact.slot);
      if (artifact.sealed === null) continue;
      if (closed.has(artifact.slot)) damaged.push(artifact);
      if (key === undefined) continue;
      try {
        const plain = openBytes(key, contextOf(artifact), artifact.sealed);
        opened.set(artifact.ownerId, JSON.parse(plain.toString('utf8')) as T);
      } catch (error) {
        if (!hasCode(error, 'damage')) throw error;
        damaged.push(artifact);
      }
    }
  } finally {
    for (const key of keys.values()) key.fill(0);
  }
  return { opened, damaged };
}
