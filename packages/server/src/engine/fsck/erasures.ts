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
 * Erasures and their items tell one story: states agree, what is running has a job to go on with it, what says that keys
 * were destroyed has a journal row, and nothing that the action erases is left of an item whose keys were destroyed.
 */
export async function checkErasures(look: Look): Promise<void> {
  const read = async (afterId: string) => await look.reads.erasures.page(afterId, pageSize);
  for await (const page of paged('', read, (last: Erasure) => last.id)) {
    look.findings.count('erasures', page.length);
    const running = page.filter((erasure) => erasure.state === 'running').map((erasure) => erasure.id);
    const waiting = await look.reads.jobs.unfinished('erasure', running);
    for (const id of running) if (!waiting.has(id)) look.findings.problem('erasure_stranded', `erasure ${id}`);
    for (const erasure of page) await checkItems(look, erasure);
  }
}

async function checkItems(look: Look, erasure: Erasure): Promise<void> {
  const read = async (fromSeq: number) => await look.reads.erasures.items(erasure.id, { fromSeq, limit: pageSize });
  for await (const items of paged(0, read, (last: Item) => last.seq + 1)) {
    look.findings.count('items', items.length);
    for (const item of items) {
      if (!agreeing[erasure.state].includes(item.state)) look.findings.problem('item_state', nameOf(item));
    }
    const shredded = items.filter(areKeysGone);
    await checkJournaled(look, erasure, shredded);
    await checkNothingLeft(look, erasure, shredded);
  }
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
    if (item.outcome === 'already_erased') continue;
    const entry = item.journalId === null ? undefined : entries.get(item.journalId);
    const isCovered = entry?.kind === 'item_erased' && entry.ownerId === item.callId && entry.action === erasure.action;
    if (!isCovered) look.findings.problem('item_unjournaled', nameOf(item));
  }
}

async function checkNothingLeft(look: Look, erasure: Erasure, items: readonly Item[]): Promise<void> {
  const reach = reachOf(erasure.action, erasure);
  // What is left of a purged call, its tombstone shows: the checks of artifacts, tokens and tombstones find it.
  if (reach.isWhole) return await checkStamped(look, erasure, items);
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
