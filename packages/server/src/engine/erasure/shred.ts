import { journalEntry } from '../../keys/journal-entries.ts';
import { GroupCommit } from '../../lib/group-commit.ts';
import { callArtifactKinds } from '../../model/call.ts';
import {
  type Erasure,
  type Item,
  type ItemSpan,
  reachOf,
  type Tombstone,
  tombstoneIdentifierKinds,
} from '../../model/erasure.ts';
import type { TombstoneToken } from '../../model/erasure-store.ts';
import { Bug, hasCode } from '../../model/errors.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreTx } from '../../model/store.ts';
import { askerOf, auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { toTombstoneTokens } from '../identifiers.ts';
import { toErasedDetail } from '../journal-details.ts';
import { type ClearedArtifact, clearSpan } from './clear-span.ts';
import { tellShredded } from './erasure-times.ts';
import { setHeldAside } from './set-aside.ts';

/** A span of one erasure's planned items, and the fence of whoever asks. */
export type ShredRequest = {
  erasure: Erasure;
  items: readonly Item[];
  fence: (tx: StoreTx) => Promise<void>;
  /** True when the erasure has no other items: with these it is shredded. */
  areAll?: boolean;
};

/** How long the transaction took, in ms, without the wait for its turn; how many of the request's items are held. */
export type ShredResult = { tookMs: number; held: number };

/** Requests of several erasures share one transaction, one rewrite of the tree's paths, one commit. */
export type ShredQueue = GroupCommit<ShredRequest, ShredResult>;

const requestsPerCommit = 64;
const itemsPerCommit = 1000;

export function createShredQueue(engine: () => Engine): ShredQueue {
  return new GroupCommit(requestsPerCommit, async (requests) => {
    const settled: PromiseSettledResult<ShredResult>[] = [];
    for (const some of bearable(requests)) settled.push(...(await shredSome(engine(), some)));
    return settled;
  });
}

/** In transactions of `itemsPerCommit` items at the most; a request that has more has one to itself. */
function bearable(requests: readonly ShredRequest[]): ShredRequest[][] {
  const groups: { some: ShredRequest[]; items: number }[] = [];
  for (const request of requests) {
    const last = groups.at(-1);
    if (last !== undefined && last.items + request.items.length <= itemsPerCommit) {
      last.some.push(request);
      last.items += request.items.length;
    } else groups.push({ some: [request], items: request.items.length });
  }
  return groups.map(({ some }) => some);
}

async function shredSome(
  engine: Engine,
  requests: readonly ShredRequest[],
): Promise<PromiseSettledResult<ShredResult>[]> {
  if (requests.length > 1) {
    try {
      const results = await shredTogether(engine, requests);
      return results.map((value) => ({ status: 'fulfilled', value }));
    } catch (error) {
      // It may have been committed, or will fail again: whoever gets the job next sees how far it came.
      if (hasCode(error, 'store_failed')) return requests.map(() => ({ status: 'rejected', reason: error }));
      // One of them is at fault: each on its own then, so that the others do not suffer for it.
    }
  }
  const each = await Promise.allSettled(requests.map(async (one) => await shredTogether(engine, [one])));
  return each.map((one) => (one.status === 'fulfilled' ? resultOf(one.value) : one));
}

function resultOf([value]: readonly ShredResult[]): PromiseSettledResult<ShredResult> {
  if (value === undefined) throw new Bug('a request was shredded without a result');
  return { status: 'fulfilled', value };
}

/** What one request destroys, gathered before the tree is touched. */
type Doomed = {
  request: ShredRequest;
  /** By call or candidate. */
  cleared: Map<string, ClearedArtifact[]>;
  items: readonly Item[];
  /** What the tombstones left keep, by call. */
  tombstones: ReadonlyMap<string, readonly TombstoneToken[]>;
  /** Calls and candidates that were not marked before. */
  marked: ReadonlySet<string>;
};

/**
 * The shredding transaction: re-checks holds, removes rows and tokens, leaves tombstones, destroys the keys, writes
 * journal and audit. After its commit nothing that the action erases can be opened again.
 */
async function shredTogether(engine: Engine, requests: readonly ShredRequest[]): Promise<ShredResult[]> {
  let began = 0;
  let doomed: Doomed[] = [];
  await engine.store.write(async (tx) => {
    began = performance.now();
    doomed = [];
    await takeRows(tx, requests);
    for (const request of requests) doomed.push(await clearRows(engine, tx, request));
    await engine.faults.at('shred:rows-cleared');
    const slots = doomed.flatMap((one) => [...one.cleared.values()].flat()).map(({ slot }) => slot);
    const destroyed = new Set(await engine.tree.destroy(tx.keys, slots));
    for (const one of doomed) await record(engine, tx, one, destroyed);
    await engine.faults.at('shred:recorded');
  });
  const tookMs = performance.now() - began;
  for (const { erasure, areAll } of requests) if (areAll) tellShredded(engine, erasure);
  await engine.faults.at('shred:committed');
  return doomed.map(({ request, items }) => ({ tookMs, held: request.items.length - items.length }));
}

/**
 * Proves the leases, and takes all that is read from here on before any of it is read: so whoever still writes anything of
 * these calls and candidates has committed, or finds them gone. In one order, whatever shares the transaction.
 */
async function takeRows(tx: StoreTx, requests: readonly ShredRequest[]): Promise<void> {
  for (const { fence } of requests) await fence(tx);
  const tenantIds = new Set(requests.map(({ erasure }) => erasure.tenantId));
  for (const tenantId of [...tenantIds].sort()) await tx.holds.lock(tenantId, 'shared');
  const ids = requests.flatMap(({ items }) => items.map((item) => item.callId));
  await tx.candidates.lock(ids);
  await tx.calls.lock(ids);
}

async function clearRows(engine: Engine, tx: StoreTx, request: ShredRequest): Promise<Doomed> {
  const { erasure } = request;
  const reach = reachOf(erasure.action, erasure);
  const items = await setHeldAside(engine, tx, request.erasure, request.items);
  const span = spanOf(erasure.id, items);
  const cleared = new Map<string, ClearedArtifact[]>();
  if (span === undefined) return { request, cleared, items, tombstones: new Map(), marked: new Set() };
  const tombstones = reach.isWhole ? await leaveTombstones(engine, tx, erasure, span, items) : new Map();
  const { artifacts, marked } = await clearSpan(engine, tx, erasure, span);
  for (const artifact of artifacts) {
    const others = cleared.get(artifact.ownerId);
    if (others) others.push(artifact);
    else cleared.set(artifact.ownerId, [artifact]);
  }
  return { request, cleared, items, tombstones, marked };
}

/** A tombstone for every call and candidate that is still there, with its tokens; one erased meanwhile has its own already. */
async function leaveTombstones(
  engine: Engine,
  tx: StoreTx,
  erasure: Erasure,
  span: ItemSpan,
  items: readonly Item[],
): Promise<Map<string, TombstoneToken[]>> {
  const special = new Map((await tx.erasures.spanCalls(span)).map(({ callId, status }) => [callId, status]));
  const tokens = await tx.erasures.spanTokens(span, tombstoneIdentifierKinds);
  const rowless = [...special].flatMap(([id, status]) => (status === null ? [id] : []));
  const candidates = new Set((await tx.candidates.peek(erasure.tenantId, rowless)).map(({ id }) => id));
  const shreddedAt = engine.clock.now();
  const kept = await toTombstoneTokens(engine, tx, erasure.tenantId, tokens);
  await tx.tombstones.insert(
    items.flatMap(({ callId }): Tombstone[] => {
      const lastStatus = special.get(callId);
      if (lastStatus === null && !candidates.has(callId)) return [];
      return [{ callId, tenantId: erasure.tenantId, shreddedAt, goneAt: null, ...(lastStatus && { lastStatus }) }];
    }),
    kept,
  );
  const byCall = new Map<string, TombstoneToken[]>();
  for (const token of kept) byCall.set(token.callId, [...(byCall.get(token.callId) ?? []), token]);
  return byCall;
}

async function record(engine: Engine, tx: StoreTx, one: Doomed, destroyed: ReadonlySet<number>): Promise<void> {
  const { erasure } = one.request;
  const at = engine.clock.now();
  const entries: JournalEntry[] = [];
  const isDone = ({ callId }: Item) => !one.cleared.has(callId) && !one.marked.has(callId);
  const known = await knownAmong(tx, erasure.tenantId, one.items.filter(isDone));
  const shredded = one.items.map((item) => {
    const erased = (one.cleared.get(item.callId) ?? []).filter(({ slot }) => destroyed.has(slot));
    // A mark must be set again after a restore, whether or not there was anything to erase with it.
    if (erased.length === 0 && !one.marked.has(item.callId)) {
      const isKnown = one.cleared.has(item.callId) || known.has(item.callId);
      const outcome = isKnown ? ('already_erased' as const) : ('not_found' as const);
      return { seq: item.seq, journalId: null, outcome, erasedKinds: [] };
    }
    const entry = journalEntry('item_erased', at, {
      tenantId: erasure.tenantId,
      ownerId: item.callId,
      action: erasure.action,
      detail: toErasedDetail(erasure, one.tombstones.get(item.callId)),
      slots: erased.map(({ slot }) => slot).sort((a, b) => a - b),
    });
    entries.push(entry);
    const erasedKinds = callArtifactKinds.filter((kind) => erased.some((one) => one.kind === kind));
    return { seq: item.seq, journalId: entry.id, outcome: 'erased' as const, erasedKinds };
  });
  if (shredded.length === 0 && !one.request.areAll) return;
  await tx.keys.appendJournal(entries);
  await tx.erasures.shredItems(erasure.id, shredded);
  if (one.request.areAll) await tx.erasures.stamp(erasure.id, { shreddedAt: at });
  const counts = { items: shredded.length, slots: [...one.cleared.values()].flat().length };
  await tx.audit.append(auditEntry(engine, askerOf(erasure), 'erasure.shredded', erasure.id, counts));
}

/** Those of the items of which there is, or was, a call or a candidate. */
async function knownAmong(tx: StoreTx, tenantId: string, items: readonly Item[]): Promise<Set<string>> {
  const ids = items.map(({ callId }) => callId);
  if (ids.length === 0) return new Set();
  const rows = [...(await tx.calls.peek(tenantId, ids)), ...(await tx.candidates.peek(tenantId, ids))];
  const stones = await tx.tombstones.find(tenantId, ids);
  return new Set([...rows.map(({ id }) => id), ...stones.map(({ callId }) => callId)]);
}

/** The span of items that lie in one row; undefined for none. Items in between that are not planned stay untouched. */
export function spanOf(erasureId: string, items: readonly Item[]): ItemSpan | undefined {
  const [first] = items;
  const last = items.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { erasureId, fromSeq: first.seq, toSeq: last.seq + 1 };
}
