import { type CallArtifactKind, callArtifactKinds } from '../../model/call.ts';
import { type Item, type ItemState, isShredded } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { findErasure } from './read-erasure.ts';

/** What became of an item, or of one artifact of it; null until it is known. */
export type Outcome = 'erased' | 'already_erased' | 'not_found' | 'held' | 'locked_until' | 'failed' | null;

export type ArtifactView = { kind: CallArtifactKind; outcome: Outcome };

/** An item as it is told. */
export type ItemView = {
  item: Item;
  /** False for an event that waits for a call which has not come: of its id nobody was told. */
  isKnown: boolean;
  outcome: Outcome;
  /** Why it has failed, or is held. */
  code: string | null;
  artifacts: ArtifactView[];
};

export type AskedItems = { state?: ItemState; cursor?: string; limit: number };
export type ItemPage = { items: ItemView[]; next: string | null };

/** The items of an erasure of the caller's tenant, in their order. */
export async function listItems(
  engine: Engine,
  caller: Caller,
  erasureId: string,
  { state, cursor, limit }: AskedItems,
): Promise<ItemPage> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  const { reads } = engine.store;
  const erasure = await findErasure(reads, caller, erasureId);
  const fromSeq = cursor === undefined ? 0 : seqIn(cursor);
  const states = state === undefined ? undefined : [state];
  const found = await reads.erasures.items(erasure.id, { fromSeq, limit: limit + 1, ...(states && { states }) });
  const some = found.slice(0, limit);
  const unknown = await awaitedAmong(engine, caller, some);
  const items = some.map((item) => viewOfItem(item, !unknown.has(item.callId)));
  return { items, next: found.length > limit ? String(found[limit]?.seq) : null };
}

function seqIn(cursor: string): number {
  if (!/^\d{1,9}$/.test(cursor)) throw new AppError('input_invalid', { message: 'cursor is not one' });
  return Number(cursor);
}

/** Events that wait, or waited when they were erased. */
async function awaitedAmong(engine: Engine, { tenant }: Caller, items: readonly Item[]): Promise<Set<string>> {
  const ids = items.map(({ callId }) => callId);
  const { calls, tombstones } = engine.store.reads;
  const awaited = (await calls.peek(tenant.id, ids)).filter(({ status }) => status === 'awaited');
  const stones = (await tombstones.find(tenant.id, ids)).filter(({ lastStatus }) => lastStatus === 'awaited');
  return new Set([...awaited.map(({ id }) => id), ...stones.map(({ callId }) => callId)]);
}

/** Tells an item as its row has it. */
function viewOfItem(item: Item, isKnown: boolean): ItemView {
  const code = item.failedCode ?? (item.state === 'held' ? 'item_held' : null);
  return { item, isKnown, outcome: outcomeOf(item), code, artifacts: artifactsOf(item) };
}

function outcomeOf(item: Item): Outcome {
  if (item.state === 'held') return 'held';
  // Also of one that was held, or had failed, and is to be erased after all.
  if (item.state === 'planned') return null;
  if (isLocked(item)) return 'locked_until';
  return item.state === 'failed' ? 'failed' : item.outcome;
}

/** Keys destroyed, bytes kept by a lock of the blob store. */
function isLocked({ state, failedCode }: Item): boolean {
  return state === 'failed' && failedCode === 'blob_locked';
}

/** Bytes go after their keys, and by themselves: of all artifacts only the recording has any. */
function artifactsOf(item: Item): ArtifactView[] {
  const { plannedKinds, erasedKinds } = item;
  const kinds = callArtifactKinds.filter((kind) => plannedKinds?.includes(kind) || erasedKinds?.includes(kind));
  return kinds.map((kind) => ({ kind, outcome: outcomeOfArtifact(item, kind) }));
}

function outcomeOfArtifact(item: Item, kind: CallArtifactKind): Outcome {
  if (!isShredded(item)) return outcomeOf(item);
  if (item.erasedKinds?.includes(kind) !== true) return 'already_erased';
  return kind === 'recording' && item.state === 'failed' ? outcomeOf(item) : 'erased';
}
