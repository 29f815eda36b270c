import { createHash } from 'node:crypto';
import {
  type Erasure,
  type ErasureState,
  type Item,
  type ItemState,
  isShredded,
  personalIdentifierKinds,
  reachOf,
} from '../../model/erasure.ts';
import { type Look, paged, pageSize } from './look.ts';

/** States that items may be in while their erasure is in a state. */
const agreeing: Record<ErasureState, readonly ItemState[]> = {
  planned: ['planned'],
  cancelled: ['planned'],
  running: ['planned', 'held', 'shredded', 'removed', 'verified', 'failed'],
  completed: ['verified'],
  completed_with_failures: ['verified', 'held', 'failed'],
};

/**
 * Erasures and their items tell one story: states, times and tallies agree, what is running has a job to go on with it,
 * what says that keys were destroyed has a journal row, and nothing that the action erases is left of an item whose keys
 * were destroyed. In a deep look the items are compared with the digest under which they were frozen.
 */
export async function checkErasures(look: Look): Promise<void> {
  const read = async (afterId: string) => await look.reads.erasures.page(afterId, pageSize);
  for await (const page of paged('', read, (last: Erasure) => last.id)) {
    look.findings.count('erasures', page.length);
    const running = page.filter((erasure) => erasure.state === 'running').map((erasure) => erasure.id);
    const waiting = await look.reads.jobs.unfinished('erasure', running);
    for (const id of running) if (!waiting.has(id)) reportStranded(look, id);
    for (const erasure of page) {
      checkTimes(look, erasure);
      await checkItems(look, erasure);
    }
  }
}

function reportStranded(look: Look, erasureId: string): void {
  const cure = { code: 'erasure_stranded', kind: 'erasure', erasureId } as const;
  look.findings.problem('erasure_stranded', `erasure ${erasureId}`, cure);
}

/** Times are set by the step that they tell of. Only whether they are there is asked: clocks of processes differ. */
function checkTimes(look: Look, erasure: Erasure): void {
  const { unreadableAt, shreddedAt, sealedAt, goneAt } = erasure;
  const times = [unreadableAt, shreddedAt, sealedAt, goneAt];
  const agrees: Record<ErasureState, boolean> = {
    planned: times.every((at) => at === null),
    cancelled: times.every((at) => at === null),
    running: unreadableAt !== null,
    completed: !times.includes(null),
    completed_with_failures: !times.includes(null),
  };
  if (!agrees[erasure.state]) look.findings.problem('erasure_times', `erasure ${erasure.id}`);
}

async function checkItems(look: Look, erasure: Erasure): Promise<void> {
  const frozen = createHash('sha256').update(`${erasure.action} ${erasure.keepRecording}\n`);
  let unerased = 0;
  const read = async (fromSeq: number) => await look.reads.erasures.items(erasure.id, { fromSeq, limit: pageSize });
  for await (const items of paged(0, read, (last: Item) => last.seq + 1)) {
    look.findings.count('items', items.length);
    for (const item of items) {
      frozen.update(`${item.callId}\n`);
      if (item.state === 'held' || item.state === 'failed') unerased += 1;
      if (!agreeing[erasure.state].includes(item.state)) look.findings.problem('item_state', nameOf(item));
      if (!isToldAlike(item)) look.findings.problem('item_outcome', nameOf(item));
      if (item.failedCode === 'blob_locked') look.findings.locked('items', item.lockedUntil, look.now);
    }
    const shredded = items.filter(areKeysGone);
    await checkJournaled(look, erasure, shredded);
    await checkNothingLeft(look, erasure, shredded);
  }
  if (erasure.state === 'completed_with_failures' && unerased === 0) {
    look.findings.problem('erasure_tally', `erasure ${erasure.id}`);
  }
  // A plan is written in several steps; frozen it is once it was started.
  const isFrozen = erasure.state !== 'planned' && erasure.state !== 'cancelled';
  if (look.isDeep && isFrozen && frozen.digest('hex') !== erasure.digest) {
    look.findings.problem('erasure_digest', `erasure ${erasure.id}`);
  }
}

/** What became of an item is known from the commit on that destroyed its keys, and not before; nor is its journal row. */
function isToldAlike(item: Item): boolean {
  const isPast = item.state === 'shredded' || item.state === 'removed' || item.state === 'verified';
  const isBefore = item.state === 'planned' || item.state === 'held';
  if (isPast !== isShredded(item) && (isPast || isBefore)) return false;
  return item.journalId === null || item.outcome === 'erased';
}

/** True from the commit on that destroyed the item's keys, also while its bytes refuse to go. */
function areKeysGone(item: Item): boolean {
  const isPast = item.state === 'shredded' || item.state === 'removed' || item.state === 'verified';
  return isPast || (item.state === 'failed' && isShredded(item));
}

async function checkJournaled(look: Look, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const ids = items.flatMap((item) => item.journalId ?? []);
  const entries = new Map((await look.reads.journal.find(ids)).map((entry) => [entry.id, entry]));
  for (const item of items) {
    if (item.outcome !== 'erased') continue;
    const entry = item.journalId === null ? undefined : entries.get(item.journalId);
    const isCovered = entry?.kind === 'item_erased' && entry.ownerId === item.callId && entry.action === erasure.action;
    if (!isCovered) look.findings.problem('item_unjournaled', nameOf(item));
  }
}

async function checkNothingLeft(look: Look, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const reach = reachOf(erasure.action, erasure);
  if (!reach.isWhole) await checkMarked(look, erasure, items);
  // What else is left of a purged call, the checks of artifacts, tokens and tombstones find.
  if (reach.isWhole) {
    await checkRowsGone(look, erasure, items);
    return await checkStamped(look, erasure, items);
  }
  const seqOf = new Map(items.map((item) => [item.callId, item]));
  const callIds = [...seqOf.keys()];
  for (const kind of reach.artifacts) {
    for (const artifact of await look.reads.artifacts.findMany(callIds, kind)) {
      const item = seqOf.get(artifact.ownerId);
      if (item !== undefined) look.findings.problem('item_artifact_left', `${nameOf(item)}: ${kind}`);
    }
  }
  if (reach.tokens === 'none' || (await look.reads.tokens.countOfOwners(callIds, personalIdentifierKinds)) === 0)
    return;
  for (const item of items) {
    const left = await look.reads.tokens.countOfOwners([item.callId], personalIdentifierKinds);
    if (left > 0) look.findings.problem('item_token_left', nameOf(item));
  }
}

/** Late writers are refused by the marks that the commit which destroyed the keys has left on calls and candidates. */
async function checkMarked(look: Look, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const { artifacts } = reachOf(erasure.action, erasure);
  const itemOf = new Map(items.map((item) => [item.callId, item]));
  const ids = [...itemOf.keys()];
  const calls = await look.reads.calls.findMany(erasure.tenantId, ids);
  const candidates = await look.reads.candidates.findMany(erasure.tenantId, ids);
  const unmarked = [
    ...calls.filter((call) => artifacts.includes('recording') && call.recordingErasedAt === null),
    ...[...calls, ...candidates].filter((one) => artifacts.includes('details') && one.depersonalizedAt === null),
  ];
  for (const id of new Set(unmarked.map((one) => one.id))) {
    const item = itemOf.get(id);
    if (item !== undefined) look.findings.problem('mark_missing', nameOf(item));
  }
}

/** A purged call or candidate has no row, but for an upload that was under way and has not noticed yet. */
async function checkRowsGone(look: Look, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const itemOf = new Map(items.map((item) => [item.callId, item]));
  for (const call of await look.reads.calls.findMany(erasure.tenantId, [...itemOf.keys()])) {
    const hasNotNoticed = call.uploadUntil !== null && call.isUploadDoomed;
    const item = itemOf.get(call.id);
    if (!hasNotNoticed && item !== undefined) look.findings.problem('item_call_left', nameOf(item));
  }
  for (const { id } of await look.reads.candidates.findMany(erasure.tenantId, [...itemOf.keys()])) {
    const item = itemOf.get(id);
    if (item !== undefined) look.findings.problem('item_call_left', nameOf(item));
  }
}

/** A verified purge has said so on the tombstone, where there still is one. */
async function checkStamped(look: Look, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const verified = items.filter((item) => item.state === 'verified').map((item) => item.callId);
  for (const stone of await look.reads.tombstones.find(erasure.tenantId, verified)) {
    if (stone.goneAt === null) look.findings.problem('tombstone_not_gone', `call ${stone.callId}`);
  }
}

function nameOf(item: Item): string {
  return `item ${item.seq} of erasure ${item.erasureId}`;
}
