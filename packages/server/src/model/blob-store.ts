/**
 * The port between the engine and the place where sealed bytes are kept.
 *
 * A store knows names and bytes. It never sees a key, a plaintext or a word a client supplied. Every implementation
 * passes `test/contracts/blobs.contract.ts`.
 */
import { AppError, Bug } from './errors.ts';

/** Made by the engine: the owner's id and the slot, `<uuid>-<slot>`. Given to one sealing and never to another. */
export type BlobName = string;

/** What `list` tells of one thing in the store. */
export type StoredBlob = {
  name: BlobName;
  /** Of an unfinished blob: the bytes that have arrived so far. */
  sizeBytes: number;
  /** When its last byte was written, by the store's clock. */
  modifiedAt: Date;
  /** True for what a create under way, or one that was cut by a crash, has stored so far under its intended name. */
  unfinished: boolean;
};

/** What became of one name in an erase. */
export type EraseOutcome =
  /** There were bytes, and they are gone for good. */
  | { kind: 'erased' }
  /** There was nothing, and that too is durable. */
  | { kind: 'absent' }
  /** The store holds the bytes until then; null: until somebody lifts the lock. */
  | { kind: 'locked'; until: Date | null }
  /** Bytes may be left. Erasing again is safe. */
  | { kind: 'failed'; error: AppError };

/** One blob, opened for reading. */
export interface BlobReader {
  readonly sizeBytes: number;
  /**
   * The bytes from `start` to just before `endExclusive`, in order, in pieces of the store's choosing.
   *
   * Several reads may run at once. A blob erased meanwhile is either read to its end or fails with `damage` or
   * `blob_failed`; no read ever yields other bytes or ends early in silence. A range outside the blob, and reading
   * from a closed reader, is a Bug.
   */
  read(start: number, endExclusive: number): AsyncIterable<Buffer>;
  /** Gives back what reading held. Closing twice is fine. */
  close(): Promise<void>;
}

/**
 * Where sealed bytes live. Bytes are created and erased, never changed.
 *
 * Failures of the store itself are AppError `blob_failed`. A name that is not a blob name is a Bug, and nothing has
 * been done then.
 */
export interface BlobStore {
  /**
   * Stores all of `source` under `name`, as a whole or not at all, durable when it resolves. A create that fails or is
   * aborted leaves nothing.
   *
   * Create-only: where the name is taken it fails with `blob_failed` and what was there stays. Taken may also mean
   * that another create of the name is under way or was cut by a crash; `erase` and `removeUnfinished` clear that. Of
   * several creates of one name at most one succeeds. Erasing the name meanwhile wins: the create fails, or what it has
   * just finished is erased.
   *
   * The source is pulled one chunk at a time and may use a chunk's memory again once the next is asked for. Its own
   * error, and the reason of `signal`, come through unchanged.
   */
  create(
    name: BlobName,
    source: AsyncIterable<Uint8Array>,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<{ sizeBytes: number }>;

  /** A reader, to be closed by the caller, or null when there is no such blob. */
  open(name: BlobName): Promise<BlobReader | null>;

  /** Size of a finished blob, or null when there is none. */
  stat(name: BlobName): Promise<{ sizeBytes: number } | null>;

  /**
   * Removes every byte, version and unfinished create of these names; resolves when that is durable.
   *
   * One entry per distinct name. A name that fails never fails the rest. After `erased` or `absent`, no create of the
   * name that began before the erase can bring its bytes back.
   */
  erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>>;

  /**
   * Those of the names of which the store still has any byte, version or unfinished create: looked up now, whatever
   * an erase said. Fails with `blob_failed` when it could not look; never takes that for gone.
   */
  remaining(names: readonly BlobName[]): Promise<Set<BlobName>>;

  /**
   * Everything stored, in no particular order, unfinished creates included. What is there from the first item to the
   * last is listed; what is created or erased meanwhile may be listed or not.
   */
  list(): AsyncIterable<StoredBlob>;

  /**
   * Removes unfinished creates that have not grown since `olderThan` and counts them. One that is still under way
   * fails when it tries to finish.
   */
  removeUnfinished(olderThan: Date): Promise<number>;

  /**
   * Id of the archive that the store is marked as; undefined where it has no mark, which is so of a store that is not
   * there. Makes nothing. Fails with `damage` where a mark names no archive.
   */
  owner(): Promise<string | undefined>;

  /**
   * Marks the store as the archive's, durably, and makes it where it is not there. The mark is no blob: nothing lists it,
   * and no erase reaches it. Marking again changes nothing; one that is another's fails with `archive_mismatch` and stays.
   */
  mark(archiveId: string): Promise<void>;

  /** For start-up: makes what can be made, and fails with `blob_failed` and the reason where the store is unusable. */
  check(): Promise<void>;
}

/** True for text in the one form that is safe as a file name and as an object key. */
export function isBlobName(text: string): boolean {
  return /^[0-9a-z][0-9a-z-]{0,99}$/.test(text);
}

/** Throws a Bug unless `name` is a blob name. Does not repeat the text: whatever it is, it is not one of our ids. */
export function assertBlobName(name: BlobName): void {
  if (!isBlobName(name)) throw new Bug('Not a blob name');
}

/** Throws a Bug unless `start` to just before `endExclusive` lies within a blob of `sizeBytes`. Empty ranges do. */
export function assertBlobRange(start: number, endExclusive: number, sizeBytes: number): void {
  const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(endExclusive) && 0 <= start;
  if (!isInside || start > endExclusive || endExclusive > sizeBytes) throw new Bug('Not a range of the blob');
}

/** Throws `archive_mismatch` where a store is marked as another archive's. One without a mark passes. */
export function refuseOwner(owner: string | undefined, archiveId: string): void {
  if (owner === undefined || owner === archiveId) return;
  throw new AppError('archive_mismatch', { message: 'The recordings are those of another archive' });
}
