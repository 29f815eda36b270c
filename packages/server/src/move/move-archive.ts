import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, steadyMs } from '../lib/clock.ts';
import type { Faults } from '../lib/faults.ts';
import { newId } from '../lib/ids.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { MoveMark } from '../model/move.ts';
import { movedAway } from '../store/move-marks.ts';
import type { MovingDatabase, RowCounts } from '../store/moving-database.ts';
import { copyRecordings, type MovingBlobs, type RecordingsCopied } from './copy-recordings.ts';
import { SlotSet } from './slot-set.ts';

/*
 * How an archive moves to another database, and its recordings to another blob store, so that at no moment there are two of
 * it, or none.
 *
 * 1. `live`, beside servers that go on. The target's database gets a mark, `arriving`, that keeps everybody else out of it.
 *    Then recordings and rows are copied. What a copy made now may get wrong, a later one puts right: recordings never change
 *    under a name, and rows are compared one by one, those that the source has no more being deleted. So any of it may be
 *    copied early but the key tree. A page of it that is copied early is just an old copy by the time it counts, and old
 *    copies of pages are what the tree is made to outlive.
 * 2. `closed`, once nobody else uses the source: its servers have been stopped. One commit marks it as `moved` and closes it
 *    for writes, for good. From here on its rows are at rest, so copying until a copy changes nothing proves that the target
 *    has all of them and no others; then the tree, and last of all, in one commit, the archive's row, which makes an archive
 *    of the copy.
 * 3. The first seal in the target. The vault stays where it is, and the copied row names the same root key as the source's;
 *    by the seal the target is newer. This is the point of no return: from now on the vault itself refuses the source, also
 *    where a copy of it without the mark is put back (`archive_restored`), and that key starts to die, and with it what the
 *    source can still open: it has become a backup.
 * 4. Bytes that no row names are removed from the target, of calls that were erased while it was filled; then its mark says
 *    `arrived`, and everybody is let in.
 *
 * What was erased meanwhile. A purge that the source has carried out took its rows, and the last copy takes them from the
 * target; their keys are not in the tree that moves. One that was only asked for moves as what it is, rows and a job, and a
 * worker of the target carries it out once the lease of the dead one is over. Slots that were reserved, uploads and other work
 * under way move alike, and end as they end after every death.
 *
 * Dying at any step. The marks say how far it has come, and running the same command again goes on from there: before the
 * closing nothing has happened to the source; after it nobody can use the archive until the move has come to its end, or, up
 * to the first seal, until `cancelMove` has opened the source again. A target whose move was cancelled is an unfinished copy,
 * which the next move makes good or the operator drops.
 */

/** What a move needs from outside: who holds what, and archives as processes open them. */
export type MoveOptions = {
  /** The target's database, held alone for as long as the move lasts. */
  target: MovingDatabase;
  /** Null where the recordings stay where they are. */
  blobs: MovingBlobs | null;
  /** Names of the two databases without credentials. */
  places: { from: string; to: string };
  /** Holds the source's archive; `store_busy` where somebody uses it otherwise. */
  holdSource(use: 'shared' | 'alone'): Promise<HeldSource>;
  /** Makes the first seal in the target unless it was made, and removes from its blob store what no row names. */
  settle(at: { generation: number }): Promise<Settled>;
  /** How long servers of the source are waited for. */
  waitMs: number;
  clock: Clock;
  faults: Faults;
  say(line: string): void;
  progress(what: string, count: number): void;
};

/** The source, in use until `release`. */
export type HeldSource = {
  /** Its database. Its schema is up to date. */
  database: MovingDatabase;
  /** Throws what a start on the source would be refused with. */
  prove(): Promise<void>;
  release(): Promise<void>;
};

/** How the target stands after its first seal. */
export type Settled = { generation: number; sealedAt: number; bytesSwept: number; bytesStuck: number };

export type MoveReport = {
  archiveId: string;
  /** Null where all of it had been copied, and sealed, before this move died the last time. */
  rows: RowCounts | null;
  recordings: Pick<RecordingsCopied, 'recordings' | 'bytes' | 'missing'> | null;
  settled: Settled;
};

const pauseMs = 1000;
const sayEveryMs = 10_000;
/** While servers are waited for, the copy is kept from growing old. */
const copyEveryMs = 60_000;
/** Changes of a live copy after which another one is not worth its while. */
const fewChanges = 1000;
const liveCopiesMax = 3;

/**
 * Moves an archive, or goes on with a move. Null where it had come to its end before: then nothing is done.
 *
 * Throws `archive_moved` for a source whose archive went to another place, `input_invalid` for one without an archive and for
 * a target that is not empty, `store_busy` where the source's servers were not stopped in time.
 */
export async function moveArchive(options: MoveOptions): Promise<MoveReport | null> {
  const seen = new SlotSet();
  const begun = await withSource(options, 'shared', async (source) => await begin(options, source));
  if (begun.stage === 'ended') return null;
  if (begun.stage === 'live') await copyLive(options, seen);
  const held = await holdAlone(options, seen);
  try {
    return await finish(options, held, begun.id, seen);
  } finally {
    await held.release();
  }
}

/**
 * Opens the source of an unfinished move again. Throws `input_invalid` where no move has closed it, and `archive_moved` where
 * the target has had its first seal: then the archive is there.
 *
 * @param head generation of the vault's head.
 */
export async function cancelMove(source: MovingDatabase, head: number): Promise<void> {
  const [mark, archive] = [await source.mark(), await source.archive()];
  if (mark?.state !== 'moved' || archive === undefined) {
    throw new AppError('input_invalid', { message: 'No move has closed this database' });
  }
  if (head > archive.generation) throw movedAway(mark);
  await source.stay();
}

type Begun = { stage: 'live' | 'closed' | 'ended'; id: string };

/** Finds out how far the move has come, and marks the target where this is its beginning. */
async function begin(options: MoveOptions, { database, prove }: HeldSource): Promise<Begun> {
  const { target, blobs, places, clock } = options;
  const archive = await database.archive();
  if (archive === undefined) throw new AppError('input_invalid', { message: 'There is no archive to move' });
  const { archiveId } = archive;
  const left = await database.mark();
  if (left?.state === 'moved') {
    const begun = await goOn(target, left);
    if (blobs && begun.stage === 'closed') await readyBlobs(blobs, archiveId, clock);
    return begun;
  }
  await prove();
  const at = clock.now();
  const mark = await target.receive({ id: newId(at), archiveId, state: 'arriving', place: places.from, at });
  if (mark.state === 'arrived') {
    throw new AppError('input_invalid', { message: 'The database named by --to-database is an archive of its own' });
  }
  if (blobs) await readyBlobs(blobs, archiveId, clock);
  await options.faults.at('move:begun');
  return { stage: 'live', id: mark.id };
}

/** After the closing only the target that was named then will do. */
async function goOn(target: MovingDatabase, left: MoveMark): Promise<Begun> {
  const mark = await target.received();
  if (mark?.id !== left.id) throw movedAway(left);
  return { stage: mark.state === 'arrived' ? 'ended' : 'closed', id: left.id };
}

/** Refuses a blob store with anything of others in it, marks it, and clears what a move that died has begun there. */
async function readyBlobs({ to }: MovingBlobs, archiveId: string, clock: Clock): Promise<void> {
  await to.check();
  if ((await to.owner()) === undefined) {
    const { done } = await to.list()[Symbol.asyncIterator]().next();
    if (!done) {
      const message = 'The blob store named by --to-blobs has something else in it; give an empty one';
      throw new AppError('input_invalid', { message });
    }
  }
  await to.mark(archiveId);
  // Nobody else has ever written there; the store's clock may be ahead of ours.
  await to.removeUnfinished(new Date(clock.now() + 24 * 3_600_000));
}

/** Copies beside those who write until little is left to copy. */
async function copyLive(options: MoveOptions, seen: SlotSet): Promise<void> {
  for (let times = 1; times <= liveCopiesMax; times += 1) {
    options.say(`copying beside the running archive (${times})`);
    const changed = await withSource(options, 'shared', async ({ database }) => {
      const recordings = await copyBlobs(options, database, seen);
      await options.faults.at('move:recordings-copied');
      return recordings.changed + (await options.target.copyLive(database, options.progress));
    });
    await options.faults.at('move:rows-copied');
    if (changed <= fewChanges) return;
  }
}

/** Waits until the source's servers and commands have ended, and keeps the copy young meanwhile. */
async function holdAlone(options: MoveOptions, seen: SlotSet): Promise<HeldSource> {
  const began = steadyMs();
  let [saidAt, copiedAt] = [Number.NEGATIVE_INFINITY, steadyMs()];
  for (;;) {
    try {
      return await options.holdSource('alone');
    } catch (error) {
      if (!hasCode(error, 'store_busy')) throw error;
      if (steadyMs() - saidAt > sayEveryMs) {
        saidAt = steadyMs();
        options.say('waiting for the servers and commands of the archive to end: stop them now');
      }
      if (steadyMs() - began > options.waitMs) throw error;
    }
    if (steadyMs() - copiedAt > copyEveryMs) {
      await copyLive(options, seen);
      copiedAt = steadyMs();
    }
    await sleep(pauseMs);
  }
}

/** Everything from the closing of the source on, held alone. */
async function finish(options: MoveOptions, held: HeldSource, id: string, seen: SlotSet): Promise<MoveReport> {
  const { target, blobs, places, clock, faults, say } = options;
  const { database } = held;
  const archive = await database.archive();
  if (archive === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
  const { archiveId } = archive;
  const left = await database.mark();
  if (left?.state !== 'moved') {
    await held.prove();
    await database.leave({ id, archiveId, state: 'moved', place: places.to, at: clock.now() });
  } else if (left.place !== places.to) {
    // The recordings may have been sent elsewhere since.
    await database.setMark({ ...left, place: places.to });
  }
  await faults.at('move:closed');
  const copied = await copyRest(options, database, archive.generation, seen);
  say('sealing the archive in its new place');
  const settled = await options.settle(archive);
  await faults.at('move:settled');
  // Their keys are destroyed, and nobody would come to remove them here any more.
  if (blobs) for await (const names of database.doomedBlobs()) await blobs.from.erase(names);
  await target.setMark({ id, archiveId, state: 'arrived', place: places.from, at: clock.now() });
  await faults.at('move:arrived');
  return { archiveId, ...copied, settled };
}

/**
 * What is left to copy of a source at rest; nothing, where the target was sealed before: it is newer than the source now, and
 * a copy would take that back.
 */
async function copyRest(
  options: MoveOptions,
  database: MovingDatabase,
  generation: number,
  seen: SlotSet,
): Promise<Pick<MoveReport, 'rows' | 'recordings'>> {
  const { target, faults, say, progress } = options;
  const there = await target.archive();
  if (there !== undefined && there.generation > generation) return { rows: null, recordings: null };
  say('the source is closed; copying what is left');
  const { recordings, bytes, missing } = await copyBlobs(options, database, seen);
  await faults.at('move:last-recordings-copied');
  const rows = await target.copyAll(database, progress);
  await faults.at('move:last-rows-copied');
  await target.copyArchive(database);
  await faults.at('move:archive-copied');
  return { rows, recordings: { recordings, bytes, missing } };
}

async function copyBlobs(options: MoveOptions, source: MovingDatabase, seen: SlotSet): Promise<RecordingsCopied> {
  const { blobs, faults, progress } = options;
  if (blobs === null) return { recordings: 0, bytes: 0, changed: 0, missing: [] };
  const onProgress = (count: number) => progress('recordings', count);
  return await copyRecordings(source.recordings(), { ...blobs, faults, copied: seen, onProgress });
}

async function withSource<T>(
  { holdSource }: MoveOptions,
  use: 'shared' | 'alone',
  work: (held: HeldSource) => Promise<T>,
): Promise<T> {
  const held = await holdSource(use);
  try {
    return await work(held);
  } finally {
    await held.release();
  }
}
