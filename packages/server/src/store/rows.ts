/** Between rows and the model's types: one pair of functions per noun, and the only place that reads JSON. */
import type { Insertable } from 'kysely';
import type { Artifact, Call, MetadataEvent } from '../model/call.ts';
import type { DoomedBlob, Erasure, Hold, Item, Tombstone } from '../model/erasure.ts';
import { Bug } from '../model/errors.ts';
import type { JournalEntry, TopRow } from '../model/key-store.ts';
import type { ApiClient, AuditEntry, Job, Tenant } from '../model/tenant.ts';
import type { Epoch, IdentifierKind } from '../model/token-store.ts';
import type { Flag, JsonText, KindCode, Row, Tables } from './tables.ts';

export function toFlag(value: boolean): Flag {
  return value ? 1 : 0;
}

export function toJson<T>(value: T): JsonText<T> {
  // The brand says only that this function made the text.
  return JSON.stringify(value) as JsonText<T>;
}

/** Only text that `toJson` made has this type, so the value is what went in. */
export function fromJson<T>(text: JsonText<T>): T {
  return JSON.parse(text) as T;
}

// Never renumber: rows hold these.
const kindCodes: Record<IdentifierKind, KindCode> = {
  phone: 1,
  email: 2,
  session: 3,
  external: 4,
  master: 5,
  case: 6,
  collection: 7,
  alias: 8,
};
// Object.entries forgets that the keys of a record are exactly its key type.
const kindsByCode = new Map(
  (Object.entries(kindCodes) as [IdentifierKind, KindCode][]).map(([kind, code]) => [code, kind]),
);

/** Every code there is. */
export const allKindCodes: readonly KindCode[] = Object.values(kindCodes);

export function toKindCode(kind: IdentifierKind): KindCode {
  return kindCodes[kind];
}

export function fromKindCode(code: KindCode): IdentifierKind {
  const kind = kindsByCode.get(code);
  if (kind === undefined) throw new Bug(`no identifier kind has the code ${code}`);
  return kind;
}

export function toTenant(row: Row<'tenant'>): Tenant {
  return { id: row.id, number: row.number, slug: row.slug, region: row.region, createdAt: row.created_at };
}

export function toClient(row: Row<'client'>): ApiClient {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    secretHash: row.secret_hash,
    scopes: fromJson(row.scopes),
    version: row.version,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    disabledAt: row.disabled_at,
  };
}

export function fromClient(client: ApiClient): Insertable<Tables['client']> {
  return {
    id: client.id,
    tenant_id: client.tenantId,
    secret_hash: client.secretHash,
    scopes: toJson(client.scopes),
    version: client.version,
    created_at: client.createdAt,
    expires_at: client.expiresAt,
    disabled_at: client.disabledAt,
  };
}

export function toTop(row: Omit<Row<'archive'>, 'one'>): TopRow {
  return {
    archiveId: row.archive_id,
    keyId: row.key_id,
    generation: row.generation,
    sealedAt: row.sealed_at,
    isRestoring: row.is_restoring === 1,
    nextLeaf: row.next_leaf,
    page: row.page,
  };
}

export function toJournalEntry(row: Omit<Row<'journal'>, 'number' | 'copied_by'>): JournalEntry {
  return {
    id: row.id,
    kind: row.kind,
    tenantId: row.tenant_id,
    ownerId: row.owner_id,
    action: row.action,
    slots: fromJson(row.slots),
    at: row.at,
    detail: row.detail === null ? null : fromJson(row.detail),
  };
}

export function toArtifact(row: Row<'artifact'>): Artifact {
  return {
    slot: row.slot,
    tenantId: row.tenant_id,
    ownerId: row.owner_id,
    kind: row.kind,
    sealed: row.sealed,
    blob: row.blob,
    blobBytes: row.blob_bytes,
  };
}

export function toCall(row: Row<'call'>): Call {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    source: row.source,
    direction: row.direction,
    status: row.status,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    durationMs: row.duration_ms,
    createdAt: row.created_at,
    uploadUntil: row.upload_until,
    isUploadDoomed: row.is_upload_doomed === 1,
    dialStatus: row.dial_status,
    candidateId: row.candidate_id,
    taskId: row.task_id,
    botId: row.bot_id,
    updatedAt: row.updated_at,
    depersonalizedAt: row.depersonalized_at,
    recordingErasedAt: row.recording_erased_at,
  };
}

export function fromCall(call: Call): Insertable<Tables['call']> {
  return {
    id: call.id,
    tenant_id: call.tenantId,
    kind: call.kind,
    source: call.source,
    direction: call.direction,
    status: call.status,
    started_at: call.startedAt,
    ended_at: call.endedAt,
    duration_ms: call.durationMs,
    created_at: call.createdAt,
    upload_until: call.uploadUntil,
    is_upload_doomed: toFlag(call.isUploadDoomed),
    dial_status: call.dialStatus,
    candidate_id: call.candidateId,
    task_id: call.taskId,
    bot_id: call.botId,
    updated_at: call.updatedAt,
    depersonalized_at: call.depersonalizedAt,
    recording_erased_at: call.recordingErasedAt,
  };
}

export function toMetadataEvent(row: Row<'metadata_event'>): MetadataEvent {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    callId: row.call_id,
    receivedAt: row.received_at,
    sealed: row.sealed,
  };
}

export function toEpoch(row: Row<'epoch'>): Epoch {
  return { id: row.id, tenantId: row.tenant_id, number: row.number, slot: row.slot };
}

export function toTombstone(row: Row<'tombstone'>): Tombstone {
  const stone = { callId: row.call_id, tenantId: row.tenant_id, shreddedAt: row.shredded_at, goneAt: row.gone_at };
  return row.last_status === null ? stone : { ...stone, lastStatus: row.last_status };
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
  };
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
  };
}

export function toJob(row: Row<'job'>): Job {
  return {
    id: row.id,
    kind: row.kind,
    payload: row.payload,
    runAt: row.run_at,
    attempts: row.attempts,
    leaseOwner: row.lease_owner,
    leaseUntil: row.lease_until,
    lastError: row.last_error,
    finishedAt: row.finished_at,
  };
}

export function toAuditEntry(row: Row<'audit'>): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    tenantId: row.tenant_id,
    actor: { kind: row.actor_kind, id: row.actor_id },
    event: row.event,
    subjectId: row.subject_id,
    detail: fromJson(row.detail),
  };
}
