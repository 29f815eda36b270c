import type { Generated, Selectable } from 'kysely';
import type { ArtifactKind, Call } from '../model/call.ts';
import type { Candidate, Task } from '../model/campaign.ts';
import type { JournalKind, SlotRange } from '../model/key-store.ts';
import type { MoveMark } from '../model/move.ts';
import type { AuditEntry, JobKind, Scope } from '../model/tenant.ts';
import type { DoomedBlobTable, ErasureTable, HoldCallTable, HoldTable, ItemTable } from './erasure-tables.ts';

declare const parsedAs: unique symbol;

/** JSON as stored. Made and read by `toJson` and `fromJson` alone. */
export type JsonText<T> = string & { readonly [parsedAs]: T };
/** A yes or no as stored. */
export type Flag = 0 | 1;
/** Token kinds are stored as numbers: there are several tokens per call, each in two trees. */
export type KindCode = number;

type TenantTable = {
  number: Generated<number>;
  id: string;
  slug: string;
  region: string;
  created_at: number;
  guard_calls: number | null;
  guard_percent: number | null;
};

type ClientTable = {
  id: string;
  tenant_id: string;
  secret_hash: string;
  scopes: JsonText<Scope[]>;
  version: number;
  created_at: number;
  expires_at: number;
  disabled_at: number | null;
  old_secret_hash: string | null;
  old_expires_at: number | null;
  last_used_at: number | null;
};

type ArchiveTable = {
  one: 1;
  archive_id: string;
  key_id: string;
  generation: number;
  sealed_at: number;
  is_restoring: Flag;
  next_leaf: number;
  page: Uint8Array;
};

type KeyPageTable = { place: number; sealed: Uint8Array };
type ReservationTable = { leaf: number; owner: string; lease_until: number };
type SealTable = { generation: number; key_id: string; sealed_at: number };

type JournalTable = {
  number: Generated<number>;
  id: string;
  kind: JournalKind;
  tenant_id: string | null;
  owner_id: string | null;
  action: string | null;
  slots: JsonText<readonly SlotRange[]>;
  at: number;
  detail: JsonText<unknown> | null;
  copied_by: number | null;
};

type ArtifactTable = {
  slot: number;
  tenant_id: string | null;
  owner_id: string;
  kind: ArtifactKind;
  blob: string | null;
  blob_bytes: number | null;
  sealed: Uint8Array | null;
};

type CallTable = {
  id: string;
  tenant_id: string;
  kind: Call['kind'];
  source: Call['source'];
  direction: Call['direction'];
  status: Call['status'];
  started_at: number | null;
  ended_at: number | null;
  duration_ms: number | null;
  created_at: number;
  upload_until: number | null;
  is_upload_doomed: Flag;
  dial_status: Call['dialStatus'];
  candidate_id: string | null;
  task_id: string | null;
  bot_id: string | null;
  updated_at: number | null;
  depersonalized_at: number | null;
  recording_erased_at: number | null;
  retain_until: number | null;
};

type LateArtifactTable = { slot: number; tenant_id: string; call_id: string; lease_until: number };

type TaskTable = {
  id: string;
  tenant_id: string;
  status: Task['status'];
  bot_id: string | null;
  template_id: string | null;
  day: number | null;
  created_at: number;
  updated_at: number;
};

type CandidateTable = {
  id: string;
  tenant_id: string;
  task_id: string;
  status: Candidate['status'];
  bot_id: string | null;
  created_at: number;
  updated_at: number;
  depersonalized_at: number | null;
};

type AccountTable = {
  number: Generated<number>;
  id: string;
  tenant_id: string;
  login: Uint8Array;
  password_hash: string;
  scopes: JsonText<Scope[]>;
  version: number;
  created_at: number;
  disabled_at: number | null;
  last_used_at: number | null;
};

type KeptAnswerTable = {
  tenant_id: string;
  key: Uint8Array;
  subject_id: string;
  status: number | null;
  sealed: Uint8Array | null;
  created_at: number;
  print: Uint8Array | null;
};

type MetadataEventTable = {
  id: string;
  tenant_id: string;
  call_id: string;
  received_at: number;
  sealed: Uint8Array;
};

type EpochTable = { id: string; tenant_id: string; number: number; slot: number };
type TokenTable = { tenant: number; kind: KindCode; epoch: number; token: Uint8Array; owner_id: string };
type TombstoneTable = {
  call_id: string;
  tenant_id: string;
  shredded_at: number;
  gone_at: number | null;
  last_status: Call['status'] | null;
};
type TombstoneTokenTable = { tenant: number; kind: KindCode; token: Uint8Array; call_id: string };

type JobTable = {
  id: string;
  kind: JobKind;
  payload: string;
  run_at: number;
  attempts: number;
  lease_owner: string | null;
  lease_until: number | null;
  last_error: string | null;
  finished_at: number | null;
};

type AuditTable = {
  id: string;
  at: number;
  tenant_id: string | null;
  actor_kind: AuditEntry['actor']['kind'];
  actor_id: string;
  event: string;
  subject_id: string | null;
  detail: JsonText<AuditEntry['detail']>;
  seq: number | null;
  chain: Uint8Array | null;
};

/** The end of each tenant's chain; the archive's own has the empty id. */
type AuditHeadTable = {
  tenant_id: string;
  seq: number;
  chain: Uint8Array;
  journaled_seq: number;
  journaled_at: number;
};

type RetentionTable = {
  tenant_id: string;
  kind: Call['kind'];
  effective_at: number;
  days: number | null;
  set_at: number;
  reaches_existing: Flag;
};

type MoveTable = {
  one: 1;
  id: string;
  archive_id: string;
  state: MoveMark['state'];
  place: string;
  at: number;
};

/** Every table. Times are ms since the Unix epoch, ids are lower-case UUIDs, sizes are bytes. */
export type Tables = {
  migration: { name: string; applied_at: number };
  tenant: TenantTable;
  client: ClientTable;
  archive: ArchiveTable;
  key_page: KeyPageTable;
  reservation: ReservationTable;
  seal: SealTable;
  journal: JournalTable;
  artifact: ArtifactTable;
  call: CallTable;
  late_artifact: LateArtifactTable;
  task: TaskTable;
  candidate: CandidateTable;
  account: AccountTable;
  kept_answer: KeptAnswerTable;
  metadata_event: MetadataEventTable;
  epoch: EpochTable;
  token: TokenTable;
  tombstone: TombstoneTable;
  tombstone_token: TombstoneTokenTable;
  erasure: ErasureTable;
  item: ItemTable;
  doomed_blob: DoomedBlobTable;
  hold: HoldTable;
  hold_call: HoldCallTable;
  job: JobTable;
  audit: AuditTable;
  audit_head: AuditHeadTable;
  retention: RetentionTable;
  move: MoveTable;
};

/** A row of a table as it is read. */
export type Row<Table extends keyof Tables> = Selectable<Tables[Table]>;
