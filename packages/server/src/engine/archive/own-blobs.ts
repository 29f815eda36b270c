import { type BlobName, type BlobStore, refuseOwner } from '../../model/blob-store.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads } from '../../model/store.ts';
import type { Engine } from '../context.ts';

/** Rows read at once. */
const batch = 500;

type Archive = Pick<Engine, 'store' | 'blobs'>;

/**
 * Makes sure, before any work, that the blob store is the one that this archive's recordings are in. A recordings disk
 * that is not mounted looks like a store without blobs: there every erase would find its bytes absent, and an erasure would
 * end as verified while they are on the disk.
 *
 * The store bears a mark that names the archive. One without a mark is taken, and marked, where the database names no
 * bytes yet, or where at least one of those that it names is there: an archive from before there were marks. Otherwise
 * `blob_failed`, and nothing is made. One with another archive's mark is `archive_mismatch`.
 */
export async function takeBlobs(archive: Archive): Promise<void> {
  if (await areMarked(archive)) return;
  // Looked at once more: whoever has marked it meanwhile may have named bytes since that are only on their way.
  if (!(await mayBeOurs(archive)) && !(await areMarked(archive))) {
    throw new AppError('blob_failed', {
      message:
        'The recordings folder is not there or empty: mount it, or run `tacet restore` to go on without the recordings',
      detail: 'it has no marker, and none of the recordings that the database names is in it',
    });
  }
  await markBlobs(archive);
}

/** Throws `archive_mismatch` where the blob store is marked as another archive's. Makes nothing. */
export async function refuseForeignBlobs(archive: Archive): Promise<void> {
  await areMarked(archive);
}

/** Marks the blob store as this archive's, whatever is in it. For a restore, which reports the recordings that are not. */
export async function markBlobs({ store, blobs }: Archive): Promise<void> {
  await blobs.mark(await archiveIdOf(store.reads));
}

/** True when the mark is ours, false when there is none. */
async function areMarked({ store, blobs }: Archive): Promise<boolean> {
  const owner = await blobs.owner();
  refuseOwner(owner, await archiveIdOf(store.reads));
  return owner !== undefined;
}

/** Says of a store without a mark whether it may be taken for ours. */
async function mayBeOurs({ store, blobs }: Archive): Promise<boolean> {
  const isEmpty = await holdsNothing(blobs);
  let areAnyNamed = false;
  for await (const names of namedBlobs(store.reads)) {
    if (isEmpty) return false;
    if ((await blobs.remaining(names)).size > 0) return true;
    areAnyNamed = true;
  }
  return !areAnyNamed;
}

async function holdsNothing(blobs: BlobStore): Promise<boolean> {
  const { done } = await blobs.list()[Symbol.asyncIterator]().next();
  return done === true;
}

/**
 * Every name of bytes that the rows have, some at a time: of recordings, whole or on their way, and of what is doomed. The
 * bytes of neither may be taken for absent because the disk is.
 */
async function* namedBlobs(reads: StoreReads): AsyncGenerator<BlobName[]> {
  for (let after = ''; ; ) {
    const doomed = (await reads.doomed.all(after, batch)).map((one) => one.blob);
    const last = doomed.at(-1);
    if (last === undefined) break;
    yield doomed;
    after = last;
  }
  for (let fromSlot = 0; ; ) {
    const page = await reads.artifacts.page(fromSlot, batch);
    const last = page.at(-1);
    if (last === undefined) return;
    const names = page.flatMap((artifact) => artifact.blob ?? []);
    if (names.length > 0) yield names;
    fromSlot = last.slot + 1;
  }
}

async function archiveIdOf(reads: StoreReads): Promise<string> {
  const top = await reads.keys.readTop();
  if (top === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
  return top.archiveId;
}
