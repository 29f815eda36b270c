/** Between rows and the model's types, as `rows.ts` does: erasures, their items, and what stops them. */
import type { Insertable } from 'kysely';
import { type CallArtifactKind, callArtifactKinds } from '../model/call.ts';
import type { DoomedBlob, Erasure, Hold, Item } from '../model/erasure.ts';
import { fromJson, toFlag, toJson } from './rows.ts';
import type { Row, Tables } from './tables.ts';

// Never renumber: rows hold sums of these.
const kindBits: Record<CallArtifactKind, number> = { recording: 1, transcript: 2, details: 4, correlation: 8 };

/** A set of artifact kinds as one number. */
export function fromKinds(kinds: Iterable<CallArtifactKind>): number {
  let sum = 0;
  for (const kind of kinds) sum |= kindBits[kind];
  return sum;
}

function toKinds(sum: number): CallArtifactKind[] {
  return callArtifactKinds.filter((kind) => (sum & kindBits[kind]) !== 0);
}

export function toErasure(row: Row<'erasure'>): Erasure {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    action: row.action,
    keepRecording: row.keep_recording === 1,
    waitsForHolds: row.waits_for_holds === 1,
    state: row.state,
    digest: row.digest,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    createdAt: row.created_at,
    unreadableAt: row.unreadable_at,
    shreddedAt: row.shredded_at,
    sealedAt: row.sealed_at,
    goneAt: row.gone_at,
    expiresAt: row.expires_at,
    cancelReason: row.cancel_reason,
    hasCandidates: row.has_candidates === 1,
    counts: row.counts === null ? null : fromJson(row.counts),
    drift: row.drift === null ? null : fromJson(row.drift),
    needsApproval: row.needs_approval === 1,
    approval: toApproval(row),
  };
}

function toApproval({ approved_at: at, approver_kind: kind, approver_id: id }: Row<'erasure'>): Erasure['approval'] {
  return at === null || kind === null || id === null ? null : { at, actor: { kind, id } };
}

export function fromErasure(erasure: Erasure): Insertable<Tables['erasure']> {
  return {
    id: erasure.id,
    tenant_id: erasure.tenantId,
    action: erasure.action,
    keep_recording: toFlag(erasure.keepRecording),
    waits_for_holds: toFlag(erasure.waitsForHolds),
    state: erasure.state,
    digest: erasure.digest,
    actor_kind: erasure.actorKind,
    actor_id: erasure.actorId,
    created_at: erasure.createdAt,
    unreadable_at: erasure.unreadableAt,
    shredded_at: erasure.shreddedAt,
    sealed_at: erasure.sealedAt,
    gone_at: erasure.goneAt,
    expires_at: erasure.expiresAt,
    cancel_reason: erasure.cancelReason,
    has_candidates: toFlag(erasure.hasCandidates),
    counts: erasure.counts && toJson(erasure.counts),
    drift: erasure.drift && toJson(erasure.drift),
    needs_approval: toFlag(erasure.needsApproval),
    approved_at: erasure.approval?.at ?? null,
    approver_kind: erasure.approval?.actor.kind ?? null,
    approver_id: erasure.approval?.actor.id ?? null,
  };
}

export function toItem(row: Row<'item'>): Item {
  return {
    erasureId: row.erasure_id,
    seq: row.seq,
    callId: row.call_id,
    state: row.state,
    outcome: row.outcome,
    failedCode: row.failed_code,
    journalId: row.journal_id,
    lockedSince: row.locked_since,
    lockedUntil: row.locked_until,
    plannedKinds: row.planned_kinds === null ? null : toKinds(row.planned_kinds),
    erasedKinds: row.erased_kinds === null ? null : toKinds(row.erased_kinds),
    isCandidate: row.is_candidate === 1,
    wasHeld: row.was_held === 1,
  };
}

export function toDoomedBlob(row: Row<'doomed_blob'>): DoomedBlob {
  const doomed = { blob: row.blob, ownerId: row.owner_id, erasureId: row.erasure_id, since: row.since };
  return row.retry_at === 0 ? doomed : { ...doomed, lock: { until: row.locked_until, retryAt: row.retry_at } };
}

export function toHold(row: Row<'hold'>): Hold {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    placedAt: row.placed_at,
    releasedAt: row.released_at,
    reviewAt: row.review_at,
    from: row.range_from,
    to: row.range_to,
    holdsAll: row.holds_all === 1,
  };
}
