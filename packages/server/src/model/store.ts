import type { Log } from '../lib/log.ts';
import type { BacklogReads } from './backlog.ts';
import type { Artifact, Call, MetadataEvent } from './call.ts';
import type { CallList, CallOrder, CallSearch, OutlivedCalls, SearchBounds } from './call-search.ts';
import type { CampaignReads, CampaignWrites } from './campaign-store.ts';
import type { CopyOptions } from './copy-options.ts';
import type { ErasureReads, ErasureWrites } from './erasure-store.ts';
import type { JournalEntry, KeyStore, KeyTx, PagePlace, SealRecord } from './key-store.ts';
import type { Locks } from './locks.ts';
import type { RecordReads, RecordWrites } from './record-store.ts';
import type { ApiClient, GuardBounds, Job, JobKind, Tenant } from './tenant.ts';
import type { Epoch, IdentifierKind, StoredToken, TokenQuery, TokenTx } from './token-store.ts';

/**
 * A recording, or another artifact, on its way to a call that is archived already. Its artifact's row is there, with nothing
 * sealed in it, until it has come; where an erasure has taken that row, this one tells that bytes may still be coming.
 */
export type LateArtifact = { slot: number; tenantId: string; callId: string; leaseUntil: number };

/** Reads of the last committed state, or a transaction's own. What names a tenant answers for that tenant alone. */
export interface StoreReads extends CampaignReads, ErasureReads, RecordReads {
  tenants: {
    find(by: { id: string } | { slug: string }): Promise<Tenant | undefined>;
    list(): Promise<Tenant[]>;
    /** The tenant's own bounds of the guard; both null of an unknown one. */
    guard(id: string): Promise<GuardBounds>;
  };
  clients: {
    find(id: string): Promise<ApiClient | undefined>;
    list(tenantId: string): Promise<ApiClient[]>;
  };
  artifacts: {
    ofOwner(ownerId: string): Promise<Artifact[]>;
    /** Of several of a kind the one that is sealed, and of those the newest. */
    find(ownerId: string, kind: Artifact['kind']): Promise<Artifact | undefined>;
    /** One kind of many owners, in no particular order. */
    findMany(ownerIds: readonly string[], kind: Artifact['kind']): Promise<Artifact[]>;
    /** What is there of many owners, and how large, in bytes as sealed; nothing of it is read. In no particular order. */
    sizesOf(
      ownerIds: readonly string[],
      kinds: readonly Artifact['kind'][],
    ): Promise<{ ownerId: string; kind: Artifact['kind']; bytes: number }[]>;
    /**
     * How many bytes are sealed of each owner in artifacts of these kinds, without reading them; with the details come the
     * events of a call. Owners of whom nothing is sealed are left out.
     */
    sealedBytes(ownerIds: readonly string[], kinds: readonly Artifact['kind'][]): Promise<Map<string, number>>;
    /** By slot, ascending, from `fromSlot` on: for fsck and sweeps. */
    page(fromSlot: number, limit: number): Promise<Artifact[]>;
  };
  calls: {
    find(tenantId: string, id: string): Promise<Call | undefined>;
    findMany(tenantId: string, ids: readonly string[]): Promise<Call[]>;
    /** As `findMany`, and never takes the rows: for a look that decides nothing by itself, or at what others guard. */
    peek(tenantId: string, ids: readonly string[]): Promise<Call[]>;
    /** Uploads whose lease ended at or before `now`, in the order in which they ended; those after `after`. */
    abandonedUploads(now: number, limit: number, after?: Pick<Call, 'id' | 'uploadUntil'>): Promise<Call[]>;
    /** By id, ascending, after `afterId`. All tenants: for fsck. */
    page(afterId: string, limit: number): Promise<Call[]>;
    count(tenantId: string): Promise<number>;
    /** How many archived calls there are, counted no further than `most`. */
    countUpTo(tenantId: string, most: number): Promise<number>;
    /** Archived calls by when they began (`startedAt`, else `createdAt`), newest first; `before` is where a page ended. */
    list(tenantId: string, asked: CallList): Promise<Call[]>;
    /** Archived calls that a retention reaches, oldest first, after `after`; those retained by themselves are left out. */
    outlived(asked: OutlivedCalls): Promise<Call[]>;
    /** True when any call of the tenant is `awaited`: asked often, and cheap. */
    anyAwaited(tenantId: string): Promise<boolean>;
    /** Awaited calls that began before `before`, oldest first; those after `after`. All tenants. */
    awaitedSince(before: number, limit: number, after?: Pick<Call, 'id' | 'createdAt'>): Promise<Call[]>;
    /** Ids of a candidate's calls, uploads under way included, ascending. */
    idsOfCandidate(tenantId: string, candidateId: string): Promise<string[]>;
    /** The same of many candidates, each id beside its candidate's, in no particular order. */
    idsOfCandidates(tenantId: string, candidateIds: readonly string[]): Promise<{ candidateId: string; id: string }[]>;
    /** How many archived calls each of the tasks has; those without any are left out. */
    countsOfTasks(tenantId: string, taskIds: readonly string[]): Promise<Map<string, number>>;
    /** How many archived calls each of the candidates has, and which came last; those without any are left out. */
    countsOfCandidates(
      tenantId: string,
      candidateIds: readonly string[],
    ): Promise<Map<string, { calls: number; lastCallId: string }>>;
    /**
     * Ids of archived calls, in the order asked for. Looks at no more than `bounds.lookedAt` rows and not at the others, so
     * that the answer never takes long: with `ids` at those; else with `candidateIds`, or `taskIds`, at the calls of one
     * after the other, of each those archived last (where ascending, first); else at the first, in the order asked for, of
     * those that came in natively: there the index is. Of these a time is asked before they count as looked at, if it is a
     * time of what they are sorted by.
     */
    search(tenantId: string, asked: CallSearch, order: CallOrder, bounds: SearchBounds): Promise<string[]>;
  };
  lateArtifacts: {
    ofCalls(callIds: readonly string[]): Promise<LateArtifact[]>;
    /** Those whose lease ended at or before `now`, by slot; those after `afterSlot`. All tenants. */
    expired(now: number, limit: number, afterSlot: number): Promise<LateArtifact[]>;
    /** By slot, ascending, after `afterSlot`. All tenants: for fsck. */
    page(afterSlot: number, limit: number): Promise<LateArtifact[]>;
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
    /** Those of these kinds of many owners, in no particular order. */
    ofOwners(ownerIds: readonly string[], kinds: readonly IdentifierKind[] | 'all'): Promise<StoredToken[]>;
    /** Who carries any of many tokens of one kind; `at` is the token's place in the list, from 0. In no particular order. */
    ownersOf(
      tenantId: string,
      kind: IdentifierKind,
      tokens: readonly TokenQuery[],
    ): Promise<{ at: number; ownerId: string }[]>;
    /** How many tokens of these kinds the owners carry together. */
    countOfOwners(ownerIds: readonly string[], kinds: readonly IdentifierKind[] | 'all'): Promise<number>;
    page(after: StoredToken | undefined, limit: number): Promise<StoredToken[]>;
  };
  jobs: {
    find(id: string): Promise<Job | undefined>;
    nextRunAt(): Promise<number | undefined>;
    list(options: { unfinishedOnly: boolean; limit: number }): Promise<Job[]>;
    /** Those of the payloads for which a job of this kind has not finished. */
    unfinished(kind: JobKind, payloads: readonly string[]): Promise<Set<string>>;
  };
  backlog: BacklogReads;
  journal: {
    /** By id, ascending; with `beforeId` only those before it. */
    page(
      afterId: string,
      limit: number,
      within?: { beforeId: string },
    ): Promise<(JournalEntry & { copiedBy: number | null })[]>;
    /** True while an entry made before this time has not been copied to the vault. */
    hasPending(before: number): Promise<boolean>;
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

/**
 * A write transaction. Everything is durable and visible together, or not at all.
 *
 * Others may run beside it, and each of its reads sees what has been committed by then. Therefore what decides what it does
 * is taken first, until its end: rows by `find`, `findMany` and their like, by `lock`, or what has no row by `locks`. A call's
 * row, or a candidate's, stands for all that belongs to it: whoever writes anything of it has taken that row, or adds it. Taken
 * in this order: `locks`, the tenant (`holds.lock`), tasks, candidates, calls, the rest, and the topmost key page at the end.
 */
export interface StoreTx
  extends Omit<StoreReads, 'keys' | 'backlog' | keyof CampaignWrites | keyof ErasureWrites | keyof RecordWrites>,
    CampaignWrites,
    ErasureWrites,
    RecordWrites {
  keys: KeyTx;
  locks: Locks;
  tokens: StoreReads['tokens'] & TokenTx & { deleteOfOwners(ownerIds: readonly string[]): Promise<void> };
  tenants: StoreReads['tenants'] & {
    insert(tenant: Omit<Tenant, 'number'>): Promise<Tenant>;
    /** Takes the tenant's row; what is undefined stays. */
    setGuard(id: string, bounds: Partial<GuardBounds>): Promise<void>;
  };
  clients: StoreReads['clients'] & {
    insert(client: ApiClient): Promise<void>;
    update(id: string, change: Partial<Omit<ApiClient, 'id' | 'tenantId' | 'createdAt'>>): Promise<void>;
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
    /** Takes those that are there, by id, ascending, and reads nothing. */
    lock(ids: readonly string[]): Promise<void>;
    insert(call: Call): Promise<void>;
    update(id: string, change: Partial<Omit<Call, 'id' | 'tenantId'>>): Promise<void>;
    /** Extends an upload's lease; false when the upload is over, doomed or somebody else's. */
    renewUpload(id: string, until: number): Promise<boolean>;
    delete(id: string): Promise<void>;
  };
  lateArtifacts: StoreReads['lateArtifacts'] & {
    insert(late: LateArtifact): Promise<void>;
    /** Extends the lease; false when somebody has ended it. */
    renew(slot: number, until: number): Promise<boolean>;
    /** False when it was gone already. */
    delete(slot: number): Promise<boolean>;
  };
  events: StoreReads['events'] & {
    insert(events: readonly MetadataEvent[]): Promise<void>;
    /** Returns how many there were. */
    deleteOfCall(callId: string): Promise<number>;
  };
  journal: StoreReads['journal'] & {
    /**
     * Puts `detail`, what is left of it, in place of the details of these entries. Entries that no seal has copied to the
     * vault, and those without a detail, stay as they are. Returns how many were changed.
     */
    forgetDetails(entries: readonly Pick<JournalEntry, 'id' | 'detail'>[]): Promise<number>;
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
    /** Unfinished jobs of the payloads are due at once, but for those that somebody runs. */
    hasten(kind: JobKind, payloads: readonly string[], now: number): Promise<void>;
  };
}

/** Who asks for a migration. */
export type Migrating = {
  /** True for the move that fills the database. Default false. */
  arriving?: boolean;
  /** Told whose archive is in the database, where there is one, before anything is changed; throws where it is not ours. */
  proveOwner?: (archiveId: string) => Promise<void>;
  /** Told where another process has to be waited for. */
  log?: Log;
};

/** The database. */
export interface Store {
  reads: StoreReads;
  /** How long, in ms, a write transaction should take that could as well be cut in two: others may wait for its end. */
  readonly writeAimMs: number;
  /** Runs `work` in one write transaction; on a conflict or a busy database it runs again from the start. */
  write<T>(work: (tx: StoreTx) => Promise<T>): Promise<T>;
  /** Reads that all see one instant. */
  snapshot<T>(work: (reads: StoreReads) => Promise<T>): Promise<T>;
  /** The same database as the key tree sees it. */
  keyStore: KeyStore;
  /**
   * Creates and migrates the schema, and returns what was applied. Before anything is changed it refuses a newer schema with
   * `store_newer`, and with `archive_moved` a database that the archive has left, or, unless `arriving`, has not wholly come
   * to. Waits for other processes that migrate; `store_busy` where that takes longer than ten minutes.
   */
  migrate(options?: Migrating): Promise<string[]>;
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
