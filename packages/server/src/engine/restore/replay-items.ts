import { newId } from '../../lib/ids.ts';
import { callArtifactKinds } from '../../model/call.ts';
import { type Actor, type Erasure, type ErasureAction, type ItemSpan, unpreviewed } from '../../model/erasure.ts';
import type { TombstoneToken } from '../../model/erasure-store.ts';
import type { JournalEntry } from '../../model/key-store.ts';
import type { StoreTx } from '../../model/store.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { clearSpan } from '../erasure/clear-span.ts';
import { digestOf } from '../erasure/plan.ts';
import { fromErasedDetail } from '../journal-details.ts';
import type { RestoreReport } from './report.ts';

/** Whose erasures those are that a restore makes for what it replays. */
export const restorer: Actor = { kind: 'cli', id: 'restore' };

/** An erased item as the journal tells it. */
export type ErasedItem = {
  entry: JournalEntry;
  tenantId: string;
  /** The id of a call or a candidate. */
  callId: string;
  action: ErasureAction;
  keepRecording: boolean;
  tombstoneTokens: TombstoneToken[];
};

const actions: Record<ErasureAction, true> = { purge: true, depersonalize: true, 'delete-recording': true };

/** Undefined for entries that speak of something else. */
export function toErasedItem(entry: JournalEntry): ErasedItem | undefined {
  const { kind, tenantId, ownerId: callId, action } = entry;
  if (kind !== 'item_erased' || tenantId === null || callId === null || !isAction(action)) return undefined;
  const { keepRecording, tombstoneTokens } = fromErasedDetail(entry.detail);
  return {
    entry,
    tenantId,
    callId,
    action,
    keepRecording,
    tombstoneTokens: tombstoneTokens.map(({ kind: tokenKind, token }) => ({
      tenantId,
      kind: tokenKind,
      token,
      callId,
    })),
  };
}

/** Items of one kind can be items of one erasure. */
export function kindOf({ tenantId, action, keepRecording }: ErasedItem): string {
  return `${tenantId} ${action} ${keepRecording}`;
}

/**
 * Erases again what was erased once, by item and action, whatever holds say now: history is not asked again. The items
 * (of one kind, each call once) become an erasure of their own, whose bytes are then removed and verified like any
 * other's. Returns the slots to destroy. The tenant must exist.
 */
export async function replayItems(
  engine: Engine,
  tx: StoreTx,
  given: readonly ErasedItem[],
  report: RestoreReport,
): Promise<number[]> {
  const items = given.toSorted((a, b) => (a.callId < b.callId ? -1 : 1));
  const erasure = newErasure(engine, items);
  if (erasure === undefined) return [];
  await tx.erasures.insert(erasure);
  const callIds = items.map((item) => item.callId);
  await tx.erasures.addItems(erasure.id, 0, callIds);
  const span: ItemSpan = { erasureId: erasure.id, fromSeq: 0, toSeq: items.length };
  const calls = await tx.calls.findMany(erasure.tenantId, callIds);
  const candidates = await tx.candidates.findMany(erasure.tenantId, callIds);
  const here = new Set([...calls, ...candidates].map((row) => row.id));
  const { artifacts } = await clearSpan(engine, tx, erasure, span);
  if (erasure.action === 'purge') await leaveTombstones(tx, items, report);
  const shredded = items.map(({ callId, entry }, seq) => {
    const mine = artifacts.filter(({ ownerId }) => ownerId === callId);
    const erasedKinds = callArtifactKinds.filter((kind) => mine.some((one) => one.kind === kind));
    return { seq, journalId: entry.id, outcome: 'erased' as const, erasedKinds };
  });
  await tx.erasures.shredItems(erasure.id, shredded);
  const who = { actor: restorer, tenantId: erasure.tenantId };
  await tx.audit.append(
    auditEntry(engine, who, 'erasure.replayed', erasure.id, { action: erasure.action, items: items.length }),
  );
  for (const { callId, action, entry } of given) {
    report.items.push({ callId, action, erasedAt: entry.at, wasHere: here.has(callId) });
  }
  return artifacts.map((artifact) => artifact.slot);
}

function newErasure(engine: Engine, items: readonly ErasedItem[]): Erasure | undefined {
  const [first] = items;
  if (first === undefined) return undefined;
  const { tenantId, action, keepRecording } = first;
  const now = engine.clock.now();
  return {
    id: newId(now),
    tenantId,
    action,
    keepRecording,
    waitsForHolds: false,
    state: 'running',
    digest: digestOf(
      { action, keepRecording },
      items.map((item) => item.callId),
    ),
    actorKind: restorer.kind,
    actorId: restorer.id,
    createdAt: now,
    unreadableAt: now,
    shreddedAt: now,
    sealedAt: null,
    goneAt: null,
    ...unpreviewed,
  };
}

/** Also for calls that were never here: archived and purged after the copy, they must stay refused. */
async function leaveTombstones(tx: StoreTx, items: readonly ErasedItem[], report: RestoreReport): Promise<void> {
  await tx.tombstones.insert(
    items.map(({ callId, tenantId, entry }) => ({ callId, tenantId, shreddedAt: entry.at, goneAt: null })),
    items.flatMap((item) => item.tombstoneTokens),
  );
  report.tombstones += items.length;
}

function isAction(value: string | null): value is ErasureAction {
  return value !== null && Object.hasOwn(actions, value);
}
