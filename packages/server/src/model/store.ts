import type { Artifact, Call, CallArtifactKind, DialStatus, Direction, MetadataEvent } from './call.ts';
import type { Candidate, Task, TaskStatus } from './campaign.ts';
import type { CopyOptions } from './copy-options.ts';
import type {
  DoomedBlob,
  Erasure,
  ErasureState,
  Hold,
  Item,
  ItemOutcome,
  ItemSpan,
  ItemState,
  SpanCall,
  Tombstone,
} from './erasure.ts';
import type { JournalEntry, KeyStore, KeyTx, PagePlace, SealRecord } from './key-store.ts';
import type { ApiClient, AuditEntry, Job, JobKind, KeptAnswer, Tenant, User } from './tenant.ts';
import type { Epoch, IdentifierKind, StoredToken, TokenQuery, TokenTx } from './token-store.ts';

export type TombstoneToken = { tenantId: string; kind: IdentifierKind; token: Uint8Array; callId: string };
/** What rows of calls are asked for. Every condition given must hold; of a list any one does. */
export type CallSearch = {
  ids?: readonly string[];
  candidateIds?: readonly string[];
  taskIds?: readonly string[];
  botIds?: readonly string[];
  dialStatuses?: readonly DialStatus[];
  directions?: readonly Direction[];
  /** By the start, or where there is none by when the call was archived: `from` included, `to` not. In ms. */
  from?: number;
  to?: number;
};

export type CallOrder = { by: 'startedAt' | 'createdAt'; isDescending: boolean };

/** A recording on its way to a call that is archived already. Its artifact's row is there, with nothing sealed in it. */
export type LateRecording = { slot: number; tenantId: string; callId: string; leaseUntil: number };

export type ErasureTally = Record<ItemState, number> & { items: number };

/** Reads of the last committed state, or a transaction's own. What names a tenant answers for that tenant alone. */
export interface StoreReads {
  tenants: {
    find(by: { id: string } | { slug: string }): Promise<Tenant | undefined>;
    list(): Promise<Tenant[]>;
  };
  clients: {
    find(id: string): Promise<ApiClient | undefined>;
    list(tenantId: string): Promise<ApiClient[]>;
  };
  artifacts: {
    ofOwner(ownerId: string): Promise<Artifact[]>;
    find(ownerId: string, kind: Artifact['kind']): Promise<Artifact | undefined>;
    /** One kind of many owners, in no particular order. */
    findMany(ownerIds: readonly string[], kind: Artifact['kind']): Promise<Artifact[]>;
    /** By slot, ascending, from `fromSlot` on: for fsck and sweeps. */
    page(fromSlot: number, limit: number): Promise<Artifact[]>;
  };
  calls: {
    find(tenantId: string, id: string): Promise<Call | undefined>;
    findMany(tenantId: string, ids: readonly string[]): Promise<Call[]>;
    /** Uploads whose lease ended at or before `now`, in the order in which they ended; those after `after`. */
    abandonedUploads(now: number, limit: number, after?: Pick<Call, 'id' | 'uploadUntil'>): Promise<Call[]>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<Call[]>;
    count(tenantId: string): Promise<number>;
    /** True when any call of the tenant is `awaited`: asked often, and cheap. */
    anyAwaited(tenantId: string): Promise<boolean>;
    /** Awaited calls that began before `before`, oldest first; those after `after`. All tenants. */
    awaitedSince(before: number, limit: number, after?: Pick<Call, 'id' | 'createdAt'>): Promise<Call[]>;
    /** Ids of a candidate's calls, uploads under way included, ascending. */
    idsOfCandidate(tenantId: string, candidateId: string): Promise<string[]>;
    /** How many archived calls each of the tasks has; those without any are left out. */
    countsOfTasks(tenantId: string, taskIds: readonly string[]): Promise<Map<string, number>>;
    /**
     * Ids of archived calls. Without `ids`, `candidateIds` or `taskIds` only of those that came in natively: there the
     * index is.
     */
    search(tenantId: string, asked: CallSearch, order: CallOrder, limit: number): Promise<string[]>;
  };
  lateRecordings: {
    ofCalls(callIds: readonly string[]): Promise<LateRecording[]>;
    /** Those whose lease ended at or before `now`, by slot; those after `afterSlot`. All tenants. */
    expired(now: number, limit: number, afterSlot: number): Promise<LateRecording[]>;
    /** By slot, ascending, after `afterSlot`. All tenants: for fsck. */
    page(afterSlot: number, limit: number): Promise<LateRecording[]>;
  };
  tasks: {
    find(tenantId: string, id: string): Promise<Task | undefined>;
    findMany(tenantId: string, ids: readonly string[]): Promise<Task[]>;
    /** The task that single calls of a bot share on one day. */
    findOfDay(
      tenantId: string,
      of: { botId: string; templateId: string | null; day: number },
    ): Promise<Task | undefined>;
    /** All of a tenant's, by id, ascending, after `afterId`; only those in one of the states when given. */
    ofTenant(
      tenantId: string,
      options: { statuses?: readonly TaskStatus[]; afterId: string; limit: number },
    ): Promise<Task[]>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<Task[]>;
  };
  candidates: {
    find(tenantId: string, id: string): Promise<Candidate | undefined>;
    findMany(tenantId: string, ids: readonly string[]): Promise<Candidate[]>;
    /** Those of one task by id, ascending, after `afterId`. */
    ofTask(tenantId: string, taskId: string, afterId: string, limit: number): Promise<Candidate[]>;
    /** How many candidates each of the tasks has; those without any are left out. */
    countsOfTasks(tenantId: string, taskIds: readonly string[]): Promise<Map<string, number>>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<Candidate[]>;
  };
  users: {
    find(by: { id: string } | { number: number } | { login: Uint8Array }): Promise<User | undefined>;
    /** By number, ascending. */
    list(tenantId: string): Promise<User[]>;
  };
  answers: {
    find(tenantId: string, key: Uint8Array): Promise<KeptAnswer | undefined>;
  };
  events: {
    /** In the order in which they came. */
    ofCall(callId: string): Promise<MetadataEvent[]>;
    countOfCall(callId: string): Promise<number>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<MetadataEvent[]>;
  };
  tokens: {
    epochs(tenantId: string): Promise<Epoch[]>;
    /** Ids of owners (calls or holds) that carry one of the tokens, each once, ascending, after `afterId`. */
    owners(
      tenantId: string,
      kind: IdentifierKind,
      tokens: readonly TokenQuery[],
      afterId: string,
      limit: number,
    ): Promise<string[]>;
    ofOwner(ownerId: string): Promise<StoredToken[]>;
    /** How many tokens of these kinds the owners carry together. */
    countOfOwners(ownerIds: readonly string[], kinds: readonly IdentifierKind[] | 'all'): Promise<number>;
    page(after: StoredToken | undefined, limit: number): Promise<StoredToken[]>;
  };
  tombstones: {
    find(tenantId: string, callIds: readonly string[]): Promise<Tombstone[]>;
    /** Tombstones that carry this token. */
    findByToken(tenantId: string, kind: IdentifierKind, token: Uint8Array): Promise<Tombstone[]>;
    tokensOf(callId: string): Promise<TombstoneToken[]>;
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
    /** Started erasures that have not finished, and which of a call they still gate. */
    gatesOf(
      callIds: readonly string[],
    ): Promise<{ callId: string; erasureId: string; action: Erasure['action']; keepRecording: boolean }[]>;
    /** Erasures that run, oldest first. */
    open(limit: number): Promise<Erasure[]>;
    page(afterId: string, limit: number): Promise<Erasure[]>;
    /**
     * True if an erasure of the tenant has destroyed keys at or after this time, or has begun and may do so yet; or if
     * tokens have gone in another way: with a hold that was released, or an upload that was given up.
     */
    anyShreddedSince(tenantId: string, at: number): Promise<boolean>;
  };
  doomed: {
    /** Those of the span's calls, whichever erasure doomed them. */
    ofItems(span: ItemSpan): Promise<DoomedBlob[]>;
    /** Those without an erasure (abandoned uploads), oldest first; those after `after`. */
    unowned(limit: number, after?: Pick<DoomedBlob, 'blob' | 'since'>): Promise<DoomedBlob[]>;
    all(afterBlob: string, limit: number): Promise<DoomedBlob[]>;
    /** Those of the blobs that are doomed, in no particular order. */
    find(blobs: readonly string[]): Promise<DoomedBlob[]>;
  };
  holds: {
    find(tenantId: string, id: string): Promise<Hold | undefined>;
    active(tenantId: string): Promise<Hold[]>;
    callsOf(holdId: string): Promise<string[]>;
  };
  jobs: {
    find(id: string): Promise<Job | undefined>;
    nextRunAt(): Promise<number | undefined>;
    list(options: { unfinishedOnly: boolean; limit: number }): Promise<Job[]>;
    /** Those of the payloads for which a job of this kind has not finished. */
    unfinished(kind: JobKind, payloads: readonly string[]): Promise<Set<string>>;
  };
  audit: { page(afterId: string, limit: number): Promise<AuditEntry[]> };
  journal: {
    /** By id, ascending; with `beforeId` only those before it. */
    page(
      afterId: string,
      limit: number,
      within?: { beforeId: string },
    ): Promise<(JournalEntry & { copiedBy: number | null })[]>;
    /** The entries of these ids, with the generation of the seal that copied each (null while pending). */
    find(ids: readonly string[]): Promise<(JournalEntry & { copiedBy: number | null })[]>;
  };
  keys: Pick<KeyTx, 'readTop' | 'readPath' | 'readPages' | 'namedSlots' | 'knownSeals'> & {
    /** Where pages are stored, by level and index, ascending; those after `after`. For fsck. */
    places(after: PagePlace | undefined, limit: number): Promise<PagePlace[]>;
    /** Committed seals of generations after `afterGeneration`, ascending. */
    seals(afterGeneration: number, limit: number): Promise<SealRecord[]>;
    /** Leaves under a reservation, expired or not, among those from `from` to `to`, both included. */
    reservedLeaves(from: number, to: number): Promise<number[]>;
  };
}

/** A write transaction. Everything is durable and visible together, or not at all. */
export interface StoreTx extends Omit<StoreReads, 'keys'> {
  keys: KeyTx;
  tokens: StoreReads['tokens'] & TokenTx & { deleteOfOwners(ownerIds: readonly string[]): Promise<void> };
  tenants: StoreReads['tenants'] & { insert(tenant: Omit<Tenant, 'number'>): Promise<Tenant> };
  clients: StoreReads['clients'] & {
    insert(client: ApiClient): Promise<void>;
    update(
      id: string,
      change: Partial<Pick<ApiClient, 'secretHash' | 'version' | 'expiresAt' | 'disabledAt'>>,
    ): Promise<void>;
  };
  artifacts: StoreReads['artifacts'] & {
    insert(artifacts: readonly Artifact[]): Promise<void>;
    setSealed(slot: number, change: { sealed: Uint8Array; blobBytes?: number }): Promise<void>;
    /** Deletes the rows of these slots. */
    deleteSlots(slots: readonly number[]): Promise<void>;
    /** Returns what was deleted. */
    deleteOfOwner(ownerId: string): Promise<Artifact[]>;
  };
  calls: StoreReads['calls'] & {
    insert(call: Call): Promise<void>;
    update(id: string, change: Partial<Omit<Call, 'id' | 'tenantId'>>): Promise<void>;
    /** Extends an upload's lease; false when the upload is over, doomed or somebody else's. */
    renewUpload(id: string, until: number): Promise<boolean>;
    delete(id: string): Promise<void>;
  };
  lateRecordings: StoreReads['lateRecordings'] & {
    insert(late: LateRecording): Promise<void>;
    /** Extends the lease; false when somebody has ended it. */
    renew(slot: number, until: number): Promise<boolean>;
    /** False when it was gone already. */
    delete(slot: number): Promise<boolean>;
  };
  tasks: StoreReads['tasks'] & {
    insert(task: Task): Promise<void>;
    update(id: string, change: Partial<Pick<Task, 'status' | 'updatedAt'>>): Promise<void>;
  };
  candidates: StoreReads['candidates'] & {
    insert(candidates: readonly Candidate[]): Promise<void>;
    /** Those of the candidates that are still `PENDING` become `CANCELLED`. Returns how many. */
    cancel(ids: readonly string[], at: number): Promise<number>;
  };
  users: StoreReads['users'] & {
    /** Numbers are given in order and never reused. */
    insert(user: Omit<User, 'number'>): Promise<User>;
    update(id: string, change: Partial<Pick<User, 'passwordHash' | 'version' | 'disabledAt'>>): Promise<void>;
  };
  answers: StoreReads['answers'] & {
    /** False, and nothing written, where there is one under this key already. */
    insert(answer: KeptAnswer): Promise<boolean>;
    finish(tenantId: string, key: Uint8Array, change: { status: number; sealed: Uint8Array }): Promise<void>;
    /** Drops those of a call whose request never came to its answer. */
    dropUnfinished(subjectId: string): Promise<void>;
    /** Drops those made before `before`. Returns how many. */
    dropOld(before: number, limit: number): Promise<number>;
  };
  events: StoreReads['events'] & {
    insert(events: readonly MetadataEvent[]): Promise<void>;
    /** Returns how many there were. */
    deleteOfCall(callId: string): Promise<number>;
  };
  tombstones: StoreReads['tombstones'] & {
    insert(tombstones: readonly Tombstone[], tokens: readonly TombstoneToken[]): Promise<void>;
    /** Drops tombstones whose `goneAt` is before `before`. Returns how many. */
    dropGone(before: number, limit: number): Promise<number>;
  };
  erasures: StoreReads['erasures'] & {
    insert(erasure: Erasure): Promise<void>;
    addItems(erasureId: string, fromSeq: number, ownerIds: readonly string[]): Promise<void>;
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
    ): Promise<Pick<Artifact, 'slot' | 'ownerId' | 'blob'>[]>;
    /** Calls of the span that are no longer there, or whose status is not `complete`. */
    spanCalls(span: ItemSpan): Promise<SpanCall[]>;
    spanTokens(span: ItemSpan, kinds: readonly IdentifierKind[]): Promise<StoredToken[]>;
    /** Metadata events of the span's calls. */
    deleteSpanEvents(span: ItemSpan): Promise<void>;
    deleteSpanArtifacts(span: ItemSpan, kinds: readonly CallArtifactKind[]): Promise<void>;
    deleteSpanTokens(span: ItemSpan, kinds: readonly IdentifierKind[] | 'all'): Promise<void>;
    /** Deletes the span's calls; one whose upload is under way stays, marked as doomed. */
    deleteSpanCalls(span: ItemSpan): Promise<void>;
    /**
     * Marks the span's calls, and its candidates, as erased in part; a mark that is there keeps its time. A candidate that is
     * depersonalized is `CANCELLED` too.
     */
    markSpan(span: ItemSpan, marks: { depersonalizedAt?: number; recordingErasedAt?: number }): Promise<void>;
    /** Sets `journalId` of items and moves them to `shredded`. */
    shredItems(
      erasureId: string,
      items: readonly { seq: number; journalId: string | null; outcome: ItemOutcome }[],
    ): Promise<void>;
    /** Sets `goneAt` of the tombstones of the span's calls (items in state `removed`). */
    stampSpanTombstones(span: ItemSpan, goneAt: number): Promise<void>;
  };
  doomed: StoreReads['doomed'] & {
    insert(blobs: readonly DoomedBlob[]): Promise<void>;
    delete(blobs: readonly string[]): Promise<void>;
  };
  journal: StoreReads['journal'] & {
    /**
     * Puts `detail`, what is left of it, in place of the details of these entries. Entries that no seal has copied to the
     * vault, and those without a detail, stay as they are. Returns how many were changed.
     */
    forgetDetails(entries: readonly Pick<JournalEntry, 'id' | 'detail'>[]): Promise<number>;
  };
  holds: StoreReads['holds'] & {
    /** Takes the tenant's hold row: shared by shredding, alone by placing and releasing. */
    lock(tenantId: string, mode: 'shared' | 'alone'): Promise<void>;
    insert(hold: Hold, callIds: readonly string[]): Promise<void>;
    release(id: string, at: number): Promise<void>;
  };
  jobs: StoreReads['jobs'] & {
    /** Adds a job; a second one with the same kind and payload that has not finished is not added. */
    enqueue(job: {
      id: string;
      kind: JobKind;
      payload: string;
      runAt: number;
      lease?: { owner: string; until: number };
    }): Promise<void>;
    /**
     * Takes due jobs whose lease is free or over: sets owner and lease, and counts the attempt. One that is put off beyond
     * `putOffMax` is due too: nobody waits for so long, so the clock has been set back since.
     */
    claim(options: {
      owner: string;
      now: number;
      leaseUntil: number;
      limit: number;
      putOffMax?: number;
    }): Promise<Job[]>;
    /** True if this owner still holds this attempt. Every write of a worker asks first. */
    fence(job: Job): Promise<boolean>;
    renew(job: Job, leaseUntil: number): Promise<boolean>;
    finish(job: Job, at: number): Promise<void>;
    retry(job: Job, runAt: number, lastError: string): Promise<void>;
  };
  audit: StoreReads['audit'] & { append(entry: AuditEntry): Promise<void> };
}

/** The database. */
export interface Store {
  reads: StoreReads;
  /** Runs `work` in one write transaction; on a conflict or a busy database it runs again from the start. */
  write<T>(work: (tx: StoreTx) => Promise<T>): Promise<T>;
  /** Reads that all see one instant. */
  snapshot<T>(work: (reads: StoreReads) => Promise<T>): Promise<T>;
  /** The same database as the key tree sees it. */
  keyStore: KeyStore;
  /** Creates and migrates the schema; refuses a newer one with `store_newer`. Returns what was applied. */
  migrate(): Promise<string[]>;
  /** Copies the write-ahead log into the database and empties it, so that nothing destroyed lingers there. True when done. */
  checkpoint(): Promise<boolean>;
  /**
   * Copies the database as it is at one instant into a new file: whole, durable, for its owner alone, with nothing in it
   * of what was deleted. Writers, of this process or others, neither wait for it nor hold it up.
   *
   * Fails with `store_failed` where there is a file of that name, or where it cannot be written. A copy that fails leaves
   * no file.
   */
  copyTo(file: string, options: CopyOptions): Promise<void>;
  close(): Promise<void>;
}
