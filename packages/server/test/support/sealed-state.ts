/** What is stored of a call, a candidate or a task: its row, what is sealed of it, opened, and what it is found by. */
import { openJson } from '../../src/engine/artifacts.ts';
import type { Engine } from '../../src/engine/context.ts';
import type { Artifact, ArtifactKind, Call } from '../../src/model/call.ts';
import type { Candidate, Task } from '../../src/model/campaign.ts';
import type { StoredToken } from '../../src/model/token-store.ts';

/** An artifact's row; what it opens to, as JSON text: of a recording the facts about it. */
export type SealedPart = Omit<Artifact, 'sealed'> & { sealed: string; plain: string };
export type StoredState = {
  row: Call | Candidate | Task | undefined;
  parts: Partial<Record<ArtifactKind, SealedPart>>;
  /** By kind, as stored. */
  tokens: Partial<Record<StoredToken['kind'], string[]>>;
};

/** All that is stored under an id of the tenant. Two of these are equal only if no byte of it has changed. */
export async function storedStateOf(engine: Engine, tenantId: string, ownerId: string): Promise<StoredState> {
  const { reads } = engine.store;
  const row =
    (await reads.calls.find(tenantId, ownerId)) ??
    (await reads.candidates.find(tenantId, ownerId)) ??
    (await reads.tasks.find(tenantId, ownerId));
  const parts: StoredState['parts'] = {};
  for (const artifact of await reads.artifacts.ofOwner(ownerId)) {
    const { kind } = artifact;
    if (parts[kind] !== undefined) throw new Error(`two artifacts of kind ${kind}`);
    const plain = await openJson<unknown>(engine, artifact, kind === 'recording' ? 'recording-facts' : kind);
    const sealed = Buffer.from(artifact.sealed ?? []).toString('hex');
    parts[kind] = { ...artifact, sealed, plain: JSON.stringify(plain) };
  }
  const tokens: StoredState['tokens'] = {};
  for (const { kind, epoch, token } of await reads.tokens.ofOwner(ownerId)) {
    tokens[kind] = [...(tokens[kind] ?? []), `${epoch} ${Buffer.from(token).toString('hex')}`].sort();
  }
  return { row, parts, tokens };
}
