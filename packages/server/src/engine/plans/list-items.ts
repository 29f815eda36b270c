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
  outcome: Outcome;
  /** Why it has failed, or is held. */
  code: string | null;
  artifacts: ArtifactView[];
};

/** Conditions that all must hold. */
export type AskedItems = { state?: ItemState; outcome?: NonNullable<Outcome>; cursor?: string; limit: number };
/** A page may have fewer items than were asked for, or none, and a next. */
export type ItemPage = { items: ItemView[]; next: string | null };

/** In which states an item may be whose outcome is this one. */
const statesOf: Readonly<Record<NonNullable<Outcome>, readonly ItemState[]>> = {
  erased: ['shredded', 'removed', 'verified'],
  already_erased: ['shredded', 'removed', 'verified'],
  not_found: ['shredded', 'removed', 'verified'],
  held: ['held'],
  locked_until: ['failed'],
  failed: ['failed'],
};
/** Items looked at for one page, where an outcome is asked for. */
const lookedMost = 5000;

/** The items of an erasure of the caller's tenant, in their order. */
export async function listItems(
  engine: Engine,
  caller: Caller,
  erasureId: string,
  { state, outcome, cursor, limit }: AskedItems,
): Promise<ItemPage> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  const { reads } = engine.store;
  const erasure = await findErasure(reads, caller, erasureId);
  const fromSeq = cursor === undefined ? 0 : seqIn(cursor);
  const states = statesFor(state, outcome);
  const most = outcome === undefined ? limit : lookedMost;
  const found = await reads.erasures.items(erasure.id, { fromSeq, limit: most + 1, ...(states && { states }) });
  const seen = found.slice(0, most).map(viewOfItem);
  const items = seen.filter((one) => outcome === undefined || one.outcome === outcome).slice(0, limit);
  const last = items.length === limit ? items.at(-1)?.item.seq : seen.at(-1)?.item.seq;
  const isMore = last !== undefined && (found.at(-1)?.seq ?? 0) > last;
  return { items, next: isMore ? String(last + 1) : null };
}

function statesFor(state?: ItemState, outcome?: NonNullable<Outcome>): readonly ItemState[] | undefined {
  const states = outcome === undefined ? undefined : statesOf[outcome];
  if (state === undefined) return states;
  return states === undefined || states.includes(state) ? [state] : [];
}

function seqIn(cursor: string): number {
  if (!/^\d{1,9}$/.test(cursor)) throw new AppError('input_invalid', { message: 'cursor is not one' });
  return Number(cursor);
}

/** Tells an item as its row has it. */
function viewOfItem(item: Item): ItemView {
  const code = item.failedCode ?? (item.state === 'held' ? 'item_held' : null);
  return { item, outcome: outcomeOf(item), code, artifacts: artifactsOf(item) };
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
