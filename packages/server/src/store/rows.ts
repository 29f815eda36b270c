/** Between rows and the model's types: one pair of functions per noun, and the only place that reads JSON. */
import type { Insertable } from 'kysely';
import type { Artifact, Call, MetadataEvent } from '../model/call.ts';
import type { Tombstone } from '../model/erasure.ts';
import { Bug } from '../model/errors.ts';
import type { JournalEntry, TopRow } from '../model/key-store.ts';
import type { ApiClient, AuditEntry, ChainedEntry, Job, Tenant } from '../model/tenant.ts';
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
    oldSecretHash: row.old_secret_hash,
    oldExpiresAt: row.old_expires_at,
    lastUsedAt: row.last_used_at,
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
    old_secret_hash: client.oldSecretHash,
    old_expires_at: client.oldExpiresAt,
    last_used_at: client.lastUsedAt,
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
    retainUntil: row.retain_until,
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
    retain_until: call.retainUntil,
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
    detail: toDetail(row.detail),
  };
}

/** A detail that somebody has spoilt must not keep the row from being read: fsck tells it by its id. */
function toDetail(text: Row<'audit'>['detail']): AuditEntry['detail'] {
  try {
    const detail: unknown = fromJson(text);
    if (typeof detail === 'object' && detail !== null && !Array.isArray(detail)) return fromJson(text);
  } catch {
    // As below.
  }
  return { malformed: true };
}

export function toChainedEntry(row: Row<'audit'>): ChainedEntry {
  return { ...toAuditEntry(row), seq: row.seq, chain: row.chain };
}
