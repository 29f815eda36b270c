import type { Drift, Erasure, Item, PlanCounts } from '../model/erasure.ts';
import type { Flag, JsonText } from './tables.ts';

/* Of erasures, their items, and what stops them: see `tables.ts`. */

export type ErasureTable = {
  id: string;
  tenant_id: string;
  action: Erasure['action'];
  keep_recording: Flag;
  waits_for_holds: Flag;
  state: Erasure['state'];
  digest: string;
  actor_kind: Erasure['actorKind'];
  actor_id: string;
  created_at: number;
  unreadable_at: number | null;
  shredded_at: number | null;
  sealed_at: number | null;
  gone_at: number | null;
  expires_at: number | null;
  cancel_reason: Erasure['cancelReason'];
  has_candidates: Flag;
  counts: JsonText<PlanCounts> | null;
  drift: JsonText<Drift> | null;
  needs_approval: Flag;
  approved_at: number | null;
  approver_kind: Erasure['actorKind'] | null;
  approver_id: string | null;
};

export type ItemTable = {
  erasure_id: string;
  seq: number;
  call_id: string;
  state: Item['state'];
  outcome: Item['outcome'];
  failed_code: string | null;
  journal_id: string | null;
  locked_since: number | null;
  locked_until: number | null;
  planned_kinds: number | null;
  erased_kinds: number | null;
  is_candidate: Flag;
  was_held: Flag;
};

export type DoomedBlobTable = {
  blob: string;
  owner_id: string;
  erasure_id: string | null;
  since: number;
  /** Of the lock that was met last. */
  locked_until: number | null;
  /** 0 until a lock was met. */
  retry_at: number;
};

export type HoldTable = {
  id: string;
  tenant_id: string;
  placed_at: number;
  released_at: number | null;
  review_at: number | null;
  range_from: number | null;
  range_to: number | null;
  holds_all: Flag;
};

export type HoldCallTable = { hold_id: string; call_id: string };
