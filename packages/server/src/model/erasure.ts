import { type CallArtifactKind, type CallStatus, callArtifactKinds } from './call.ts';
import type { IdentifierKind } from './token-store.ts';

export type ErasureAction = 'purge' | 'depersonalize' | 'delete-recording';

/** What one action erases of a call: the table of DESIGN section 2, row by row. */
export type Reach = {
  artifacts: readonly CallArtifactKind[];
  tokens: 'all' | 'personal' | 'none';
  /** True when the row itself goes and a tombstone stays. */
  isWhole: boolean;
};

/** The reach of an action. `keepRecording` matters to `depersonalize` alone. */
export function reachOf(action: ErasureAction, options: { keepRecording: boolean }): Reach {
  switch (action) {
    case 'purge':
      return { artifacts: callArtifactKinds, tokens: 'all', isWhole: true };
    case 'depersonalize':
      return {
        artifacts: options.keepRecording ? ['transcript', 'details'] : ['recording', 'transcript', 'details'],
        tokens: 'personal',
        isWhole: false,
      };
    case 'delete-recording':
      return { artifacts: ['recording'], tokens: 'none', isWhole: false };
  }
}

/** Kinds whose tokens name a person. The others name a conversation or a business case. */
export const personalIdentifierKinds: readonly IdentifierKind[] = ['phone', 'email', 'alias'];
/** Kinds whose tokens a tombstone keeps, so that a retried upload is refused. */
export const tombstoneIdentifierKinds: readonly IdentifierKind[] = ['session', 'external'];

export type ErasureState = 'planned' | 'running' | 'completed' | 'completed_with_failures' | 'cancelled';
export type ItemState = 'planned' | 'held' | 'shredded' | 'removed' | 'verified' | 'failed';
export type ItemOutcome = 'erased' | 'already_erased' | 'not_found' | 'held' | 'failed';

const erasureMoves: Record<ErasureState, readonly ErasureState[]> = {
  planned: ['running', 'cancelled'],
  running: ['completed', 'completed_with_failures'],
  completed: [],
  completed_with_failures: ['running'],
  cancelled: [],
};

const itemMoves: Record<ItemState, readonly ItemState[]> = {
  planned: ['shredded', 'held', 'failed'],
  held: ['planned', 'failed'],
  shredded: ['removed', 'failed'],
  removed: ['verified', 'failed'],
  verified: [],
  failed: ['planned', 'shredded', 'removed'],
};

/** True when DESIGN section 4 lets an erasure go from one state to the other. */
export function mayErasureMove(from: ErasureState, to: ErasureState): boolean {
  return erasureMoves[from].includes(to);
}

/** True when DESIGN section 4 lets an item go from one state to the other. */
export function mayItemMove(from: ItemState, to: ItemState): boolean {
  return itemMoves[from].includes(to);
}

/** Why a plan was called off: somebody did, its time ran out, or what it was made for has changed. */
export type CancelReason = 'cancelled' | 'expired' | 'plan_changed';

/** What a plan came to when it was made. `bytes` as sealed; `held`: items that a hold covered then. */
export type PlanCounts = { items: number; artifacts: number; bytes: number; held: number };

/**
 * What had changed by the time a plan was executed: calls that its subject would reach now and that are no part of it
 * (nothing of them is erased); items that were erased meanwhile; items that a hold has come to cover; items that were under hold
 * and are so no more; items that have other artifacts than before. Plans that were executed by older releases lack `released`.
 */
export type Drift = { added: number; gone: number; held: number; released?: number; changed: number };

/** One request to erase. Times in ms; null until reached. */
export type Erasure = {
  id: string;
  tenantId: string;
  action: ErasureAction;
  keepRecording: boolean;
  /** True for native erasures, whose held items wait for the release; vendor requests refuse held items instead. */
  waitsForHolds: boolean;
  state: ErasureState;
  digest: string;
  actorKind: ActorKind;
  actorId: string;
  createdAt: number;
  unreadableAt: number | null;
  shreddedAt: number | null;
  sealedAt: number | null;
  goneAt: number | null;
  /** Until when the plan may be executed; null for what runs as soon as it is planned. */
  expiresAt: number | null;
  cancelReason: CancelReason | null;
  /** True where some of its items are candidates. */
  hasCandidates: boolean;
  /** Null for vendor requests, which count nothing beforehand. */
  counts: PlanCounts | null;
  /** Null until it is executed, and for vendor requests. */
  drift: Drift | null;
  /** True where the guard asks for a second actor's approval. */
  needsApproval: boolean;
  approval: { at: number; actor: Actor } | null;
};

/** What an erasure has that is neither previewed nor guarded. */
export const unpreviewed = {
  expiresAt: null,
  cancelReason: null,
  hasCandidates: false,
  counts: null,
  drift: null,
  needsApproval: false,
  approval: null,
} as const;

/** One call, or candidate, inside an erasure. `callId` is the id of either. `seq` counts from 0 in the order of the plan. */
export type Item = {
  erasureId: string;
  seq: number;
  callId: string;
  state: ItemState;
  outcome: ItemOutcome | null;
  failedCode: string | null;
  /** The journal entry that covers the item's slots, once shredded. */
  journalId: string | null;
  /** When the blob store was first found to have a lock on the item's bytes; null for most. Stays when they have gone. */
  lockedSince: number | null;
  /** While it is what keeps the item's bytes: when that lock ends; null where somebody has to lift it, and for all others. */
  lockedUntil: number | null;
  /** What there was to be erased when a native erasure was planned; null for vendor requests. */
  plannedKinds: readonly CallArtifactKind[] | null;
  /** What this erasure destroyed the keys of; null until then. */
  erasedKinds: readonly CallArtifactKind[] | null;
  isCandidate: boolean;
  /** True where a hold covered it when the erasure was planned; of vendor requests nobody noted it. */
  wasHeld: boolean;
};

/** An item as a plan that is previewed has it. */
export type PlannedItem = Pick<Item, 'isCandidate' | 'wasHeld'> & {
  id: string;
  plannedKinds: readonly CallArtifactKind[];
};

/** Items of one erasure with `fromSeq <= seq < toSeq`. */
export type ItemSpan = { erasureId: string; fromSeq: number; toSeq: number };

/** A call of a span that is not `complete`: `status` is null where it is no longer there. */
export type SpanCall = { seq: number; callId: string; status: CallStatus | null };

/** True once the item's keys are destroyed, by this erasure or by one before it, whatever failed since. */
export function isShredded({ outcome }: Pick<Item, 'outcome'>): boolean {
  return outcome === 'erased' || outcome === 'already_erased' || outcome === 'not_found';
}

export type ActorKind = 'client' | 'user' | 'cli' | 'policy';
export type Actor = { kind: ActorKind; id: string };

/** What stays of a purged call. Pseudonymous. */
export type Tombstone = {
  callId: string;
  tenantId: string;
  shreddedAt: number;
  /** When the erasure was verified; null while bytes may still be there. */
  goneAt: number | null;
  /** What the call was when it was shredded, where that was not simply `complete`; of an awaited one nobody knew the id. */
  lastStatus?: CallStatus;
};

/** Bytes that must go, named until somebody has looked and found them gone. */
export type DoomedBlob = {
  blob: string;
  ownerId: string;
  erasureId: string | null;
  since: number;
  /** Where the blob store has refused to let go of bytes that no erasure waits for. */
  lock?: BlobLock;
};

/** A lock that was met: when it ends, null where somebody has to lift it; and when the bytes are tried again. In ms. */
export type BlobLock = { until: number | null; retryAt: number };

export type Hold = {
  id: string;
  tenantId: string;
  placedAt: number;
  releasedAt: number | null;
  reviewAt: number | null;
  /** Holds only calls that started in this range; null is open. */
  from: number | null;
  to: number | null;
  /** True where it names nobody: it holds every call that started in its range. */
  holdsAll: boolean;
};
