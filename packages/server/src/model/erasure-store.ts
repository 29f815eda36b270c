import type { Artifact, CallArtifactKind } from './call.ts';
import type {
  Actor,
  BlobLock,
  CancelReason,
  DoomedBlob,
  Drift,
  Erasure,
  ErasureState,
  Hold,
  Item,
  ItemOutcome,
  ItemSpan,
  ItemState,
  PlannedItem,
  SpanCall,
  Tombstone,
} from './erasure.ts';
import type { IdentifierKind, StoredToken } from './token-store.ts';

export type TombstoneToken = { tenantId: string; kind: IdentifierKind; token: Uint8Array; callId: string };
export type ErasureTally = Record<ItemState, number> & { items: number };

/** Erasures, and what they leave: tombstones, doomed bytes; and the holds that stop them. Reads. */
export interface ErasureReads {
  tombstones: {
    find(tenantId: string, callIds: readonly string[]): Promise<Tombstone[]>;
    /** Tombstones that carry this token. */
    findByToken(tenantId: string, kind: IdentifierKind, token: Uint8Array): Promise<Tombstone[]>;
    /** Which calls' tombstones carry any of many tokens of one kind; `at` is the token's place in the list, from 0. */
    ownersOf(
      tenantId: string,
      kind: IdentifierKind,
      tokens: readonly Uint8Array[],
    ): Promise<{ at: number; callId: string }[]>;
    /** Those of the tombstones of these calls, in no particular order, whether or not the tombstones are there. */
    tokensOf(callIds: readonly string[]): Promise<TombstoneToken[]>;
    page(afterCallId: string, limit: number): Promise<Tombstone[]>;
    /** All tombstone tokens in an order of the store's, whether or not their tombstones are there. For fsck. */
    tokenPage(after: TombstoneToken | undefined, limit: number): Promise<TombstoneToken[]>;
  };
  erasures: {
    find(id: string): Promise<Erasure | undefined>;
    /** Items by `seq`, ascending, from `fromSeq`; only those in one of the states when given. */
    items(
      erasureId: string,
      options: { fromSeq: number; limit: number; states?: readonly ItemState[] },
    ): Promise<Item[]>;
    tally(erasureId: string): Promise<ErasureTally>;
    /** Every item of these erasures, by erasure and `seq`. */
    itemsOf(erasureIds: readonly string[]): Promise<Item[]>;
    /** Started erasures that have not finished, and which of a call they still gate. */
    gatesOf(
      callIds: readonly string[],
    ): Promise<{ callId: string; erasureId: string; action: Erasure['action']; keepRecording: boolean }[]>;
    /** Items that failed and whose bytes are locked until after `now`: how many, and when the first of the locks ends. */
    locks(erasureId: string, now: number): Promise<{ items: number; firstEnd: number | null }>;
    /** Those of these calls on whose bytes the blob store was found to have a lock. */
    lockedAmong(callIds: readonly string[]): Promise<Set<string>>;
    /** Erasures that run, oldest first. */
    open(limit: number): Promise<Erasure[]>;
    page(afterId: string, limit: number): Promise<Erasure[]>;
    /** A tenant's, newest first, those made before `beforeId`; only those in one of the states when given. */
    list(
      tenantId: string,
      options: { beforeId?: string; limit: number; states?: readonly ErasureState[] },
    ): Promise<Erasure[]>;
    /**
     * The newest plan of a tenant with this digest that waits to be executed; with `waitsForHolds` only a native one (true),
     * or a vendor's (false), with `needsApproval` only one that the guard has stopped and
     * that is no policy's.
     */
    plannedAs(
      tenantId: string,
      digest: string,
      only?: { waitsForHolds: boolean; needsApproval?: true },
    ): Promise<Erasure | undefined>;
    /** A tenant's plans that a policy has made and that wait to be executed, oldest first. */
    plannedByPolicy(tenantId: string): Promise<Erasure[]>;
    /** Plans whose time was over by `now`, those that ended first first. All tenants. */
    expired(now: number, limit: number): Promise<Erasure[]>;
    /**
     * True if an erasure of the tenant has destroyed keys at or after this time, or has begun and may do so yet; or if
     * tokens have gone in another way: with a hold that was released, or an upload that was given up.
     */
    anyShreddedSince(tenantId: string, at: number): Promise<boolean>;
  };
  doomed: {
    /** Those of these owners, whichever erasure doomed them. */
    ofOwners(ownerIds: readonly string[]): Promise<DoomedBlob[]>;
    /**
     * Those without an erasure (abandoned uploads) that may be tried at `now`; those after `after`. Oldest first, and those
     * that a lock has held back before after all others.
     */
    unowned(now: number, limit: number, after?: DoomedBlob): Promise<DoomedBlob[]>;
    all(afterBlob: string, limit: number): Promise<DoomedBlob[]>;
    /** Those of the blobs that are doomed, in no particular order. */
    find(blobs: readonly string[]): Promise<DoomedBlob[]>;
  };
  holds: {
    find(tenantId: string, id: string): Promise<Hold | undefined>;
    active(tenantId: string): Promise<Hold[]>;
    /** Newest first, those placed before `beforeId`. */
    list(tenantId: string, options: { beforeId?: string; limit: number; isActive?: boolean }): Promise<Hold[]>;
    /** How many a tenant has released. Never falls. */
    countReleased(tenantId: string): Promise<number>;
    callsOf(holdId: string): Promise<string[]>;
    /** Which active holds of the tenant name any of these calls or candidates. In no particular order. */
    naming(tenantId: string, callIds: readonly string[]): Promise<{ holdId: string; callId: string }[]>;
  };
}

/** The same in a write transaction. */
export interface ErasureWrites {
  tombstones: ErasureReads['tombstones'] & {
    insert(tombstones: readonly Tombstone[], tokens: readonly TombstoneToken[]): Promise<void>;
    /** Drops tombstones whose `goneAt` is before `before`. Returns how many. */
    dropGone(before: number, limit: number): Promise<number>;
  };
  erasures: ErasureReads['erasures'] & {
    insert(erasure: Erasure): Promise<void>;
    addItems(erasureId: string, fromSeq: number, ownerIds: readonly string[]): Promise<void>;
    /** The same of a plan that is previewed. */
    addPlannedItems(erasureId: string, fromSeq: number, items: readonly PlannedItem[]): Promise<void>;
    /** Calls a plan off; false where it is no plan any more. */
    cancel(id: string, reason: CancelReason): Promise<boolean>;
    /**
     * Sets an erasure that has ended with items under hold running again, as one that waits for their release; its times from
     * the shredding on are to come once more. False where it is in another state.
     */
    reopen(id: string): Promise<boolean>;
    /** Notes that a plan needs the approval of a second actor; of what is no plan any more, nothing. */
    requireApproval(id: string): Promise<boolean>;
    /** Notes who has approved a plan. */
    approve(id: string, approval: { at: number; actor: Actor }): Promise<void>;
    noteDrift(id: string, drift: Drift): Promise<void>;
    /** Moves the state if it is `from`; false otherwise. */
    move(
      id: string,
      from: ErasureState,
      to: ErasureState,
      change: Partial<Pick<Erasure, 'unreadableAt' | 'shreddedAt' | 'sealedAt' | 'goneAt'>>,
    ): Promise<boolean>;
    stamp(id: string, change: Partial<Pick<Erasure, 'shreddedAt' | 'sealedAt' | 'goneAt'>>): Promise<void>;
    /** Moves these items if all are in `from`; returns how many moved. */
    moveItems(
      erasureId: string,
      seqs: readonly number[],
      from: ItemState,
      to: ItemState,
      change: { outcome?: ItemOutcome; failedCode?: string | null },
    ): Promise<number>;
    /** Notes that a lock keeps the bytes of these items until then, null without an end; the first `since` stays. */
    noteLocks(erasureId: string, since: number, items: readonly { seq: number; until: number | null }[]): Promise<void>;
    /** Moves every item of these erasures that is in `from`; returns how many moved. */
    moveAll(erasureIds: readonly string[], from: ItemState, to: ItemState): Promise<number>;
    /** Ends those of these erasures that run as `completed`; returns how many. */
    complete(erasureIds: readonly string[], times: { sealedAt: number; goneAt: number }): Promise<number>;
    /** Moves every item of the span that is in `from`; returns how many moved. */
    moveSpan(span: ItemSpan, from: ItemState, to: ItemState, change: { outcome?: ItemOutcome }): Promise<number>;

    /*
     * The shredding transaction works on a span of items with set-based statements: 10,000 calls must not be 10,000
     * round trips. "The span" below is: its items in state `planned`.
     */
    /** Artifacts of these kinds of the span's calls, by slot. */
    spanArtifacts(
      span: ItemSpan,
      kinds: readonly CallArtifactKind[],
    ): Promise<Pick<Artifact, 'slot' | 'ownerId' | 'kind' | 'blob'>[]>;
    /** Calls of the span that are no longer there, or whose status is not `complete`. */
    spanCalls(span: ItemSpan): Promise<SpanCall[]>;
    spanTokens(span: ItemSpan, kinds: readonly IdentifierKind[]): Promise<StoredToken[]>;
    /** Metadata events of the span's calls. */
    deleteSpanEvents(span: ItemSpan): Promise<void>;
    deleteSpanArtifacts(span: ItemSpan, kinds: readonly CallArtifactKind[]): Promise<void>;
    deleteSpanTokens(span: ItemSpan, kinds: readonly IdentifierKind[] | 'all'): Promise<void>;
    /**
     * Deletes the span's calls and candidates; a call whose upload is under way stays, marked as doomed, and a candidate's call
     * that is not in the span stays without its candidate.
     */
    deleteSpanCalls(span: ItemSpan): Promise<void>;
    /**
     * Marks the span's calls, and its candidates, as erased in part; a mark that is there keeps its time. A candidate that is
     * depersonalized is `CANCELLED` too, unless it is `ADDING`, as a restored one may be: then nobody may ever see it.
     * Returns the ids of those that did not have such a mark.
     */
    markSpan(span: ItemSpan, marks: { depersonalizedAt?: number; recordingErasedAt?: number }): Promise<string[]>;
    /** Sets `journalId` of items, and which kinds were destroyed, and moves them to `shredded`. */
    shredItems(
      erasureId: string,
      items: readonly {
        seq: number;
        journalId: string | null;
        outcome: ItemOutcome;
        erasedKinds: readonly CallArtifactKind[];
      }[],
    ): Promise<void>;
    /** Sets `goneAt` of the tombstones of the span's calls (items in state `removed`). */
    stampSpanTombstones(span: ItemSpan, goneAt: number): Promise<void>;
  };
  doomed: ErasureReads['doomed'] & {
    insert(blobs: readonly Omit<DoomedBlob, 'lock'>[]): Promise<void>;
    delete(blobs: readonly string[]): Promise<void>;
    /** Notes what the blob store said of these last; of one that is not doomed, nothing. */
    noteLocks(locks: ReadonlyMap<string, BlobLock>): Promise<void>;
  };
  holds: ErasureReads['holds'] & {
    /** Takes the tenant's holds until the transaction ends: shared by shredding, alone by placing and releasing. */
    lock(tenantId: string, mode: 'shared' | 'alone'): Promise<void>;
    insert(hold: Hold, callIds: readonly string[]): Promise<void>;
    release(id: string, at: number): Promise<void>;
  };
}
