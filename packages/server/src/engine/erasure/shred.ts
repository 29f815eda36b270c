import { journalEntry } from '../../keys/journal-entries.ts';
import { GroupCommit } from '../../lib/group-commit.ts';
import {
  type Erasure,
  type Item,
  type ItemSpan,
  reachOf,
  type Tombstone,
  tombstoneIdentifierKinds,
} from '../../model/erasure.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreTx, TombstoneToken } from '../../model/store.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { heldAmong } from '../holds/held-calls.ts';
import { toTombstoneTokens } from '../identifiers.ts';
import { toErasedDetail } from '../journal-details.ts';
import { clearSpan } from './clear-span.ts';

/** A span of one erasure's planned items, and the fence of whoever asks. */
export type ShredRequest = { erasure: Erasure; items: readonly Item[]; fence: (tx: StoreTx) => Promise<void> };

/**
 * Requests of several erasures share one transaction, one rewrite of the tree's paths, one commit. Tells how long that
 * transaction took, in ms, without the wait for its turn.
 */
export type ShredQueue = GroupCommit<ShredRequest, number>;

const requestsPerCommit = 64;

export function createShredQueue(engine: () => Engine): ShredQueue {
  return new GroupCommit(requestsPerCommit, async (requests) => {
    const [only] = requests;
    if (requests.length > 1) {
      try {
        const tookMs = await shredTogether(engine(), requests);
        return requests.map(() => ({ status: 'fulfilled', value: tookMs }));
      } catch {
        // One of them is at fault: each on its own then, so that the others do not suffer for it.
      }
    }
    if (only === undefined) return [];
    return await Promise.allSettled(requests.map(async (one) => await shredTogether(engine(), [one])));
  });
}

/** What one request destroys, gathered before the tree is touched. */
type Doomed = {
  request: ShredRequest;
  slotsOf: Map<string, number[]>;
  items: readonly Item[];
  /** What the tombstones left keep, by call. */
  tombstones: ReadonlyMap<string, readonly TombstoneToken[]>;
};

/**
 * The shredding transaction: re-checks holds, removes rows and tokens, leaves tombstones, destroys the keys, writes
 * journal and audit. After its commit nothing that the action erases can be opened again.
 */
async function shredTogether(engine: Engine, requests: readonly ShredRequest[]): Promise<number> {
  let began = 0;
  await engine.store.write(async (tx) => {
    began = performance.now();
    const doomed: Doomed[] = [];
    for (const request of requests) {
      await request.fence(tx);
      doomed.push(await clearRows(engine, tx, request));
    }
    await engine.faults.at('shred:rows-cleared');
    const slots = doomed.flatMap((one) => [...one.slotsOf.values()].flat());
    const destroyed = new Set(await engine.tree.destroy(tx.keys, slots));
    for (const one of doomed) await record(engine, tx, one, destroyed);
    await engine.faults.at('shred:recorded');
  });
  const tookMs = performance.now() - began;
  await engine.faults.at('shred:committed');
  return tookMs;
}

async function clearRows(engine: Engine, tx: StoreTx, request: ShredRequest): Promise<Doomed> {
  const { erasure } = request;
  const reach = reachOf(erasure.action, erasure);
  const items = await setHeldAside(engine, tx, request);
  const span = spanOf(erasure.id, items);
  const slotsOf = new Map<string, number[]>();
  if (span === undefined) return { request, slotsOf, items, tombstones: new Map() };
  const artifacts = await tx.erasures.spanArtifacts(span, reach.artifacts);
  for (const { slot, ownerId } of artifacts) {
    const slots = slotsOf.get(ownerId);
    if (slots) slots.push(slot);
    else slotsOf.set(ownerId, [slot]);
  }
  const tombstones = reach.isWhole ? await leaveTombstones(engine, tx, erasure, span, items) : new Map();
  await clearSpan(engine, tx, erasure, span, artifacts);
  return { request, slotsOf, items, tombstones };
}

/** Items under hold leave the span; what no hold covers goes on. */
async function setHeldAside(engine: Engine, tx: StoreTx, request: ShredRequest): Promise<readonly Item[]> {
  const { erasure, items } = request;
  await tx.holds.lock(erasure.tenantId, 'shared');
  const held = await heldAmong(
    engine,
    tx,
    erasure.tenantId,
    items.map((item) => item.callId),
  );
  if (held.size === 0) return items;
  const aside = items.filter((item) => held.has(item.callId)).map((item) => item.seq);
  await tx.erasures.moveItems(erasure.id, aside, 'planned', 'held', { outcome: 'held', failedCode: 'item_held' });
  return items.filter((item) => !held.has(item.callId));
}

/** A tombstone for every call that is still there, with its tokens; one erased meanwhile has its own already. */
async function leaveTombstones(
  engine: Engine,
  tx: StoreTx,
  erasure: Erasure,
  span: ItemSpan,
  items: readonly Item[],
): Promise<Map<string, TombstoneToken[]>> {
  const special = new Map((await tx.erasures.spanCalls(span)).map(({ callId, status }) => [callId, status]));
  const tokens = await tx.erasures.spanTokens(span, tombstoneIdentifierKinds);
  const shreddedAt = engine.clock.now();
  const kept = await toTombstoneTokens(engine, tx, erasure.tenantId, tokens);
  await tx.tombstones.insert(
    items.flatMap(({ callId }): Tombstone[] => {
      const lastStatus = special.get(callId);
      if (lastStatus === null) return [];
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
  const shredded = one.items.map((item) => {
    const slots = (one.slotsOf.get(item.callId) ?? []).filter((slot) => destroyed.has(slot));
    if (slots.length === 0) return { seq: item.seq, journalId: null, outcome: 'already_erased' as const };
    const entry = journalEntry('item_erased', at, {
      tenantId: erasure.tenantId,
      ownerId: item.callId,
      action: erasure.action,
      detail: toErasedDetail(erasure, one.tombstones.get(item.callId)),
      slots: slots.sort((a, b) => a - b),
    });
    entries.push(entry);
    return { seq: item.seq, journalId: entry.id, outcome: 'erased' as const };
  });
  await tx.keys.appendJournal(entries);
  await tx.erasures.shredItems(erasure.id, shredded);
  const who = { actor: { kind: erasure.actorKind, id: erasure.actorId }, tenantId: erasure.tenantId };
  const counts = { items: shredded.length, slots: [...one.slotsOf.values()].flat().length };
  await tx.audit.append(auditEntry(engine, who, 'erasure.shredded', erasure.id, counts));
}

/** The span of items that lie in one row; undefined for none. Items in between that are not planned stay untouched. */
export function spanOf(erasureId: string, items: readonly Item[]): ItemSpan | undefined {
  const [first] = items;
  const last = items.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { erasureId, fromSeq: first.seq, toSeq: last.seq + 1 };
}
