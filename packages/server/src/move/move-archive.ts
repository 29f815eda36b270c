import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, steadyMs } from '../lib/clock.ts';
import type { Faults } from '../lib/faults.ts';
import { newId } from '../lib/ids.ts';
import { refuseOwner } from '../model/blob-store.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { MoveMark } from '../model/move.ts';
import type { Vault } from '../model/vault.ts';
import { movedAway } from '../store/move-marks.ts';
import type { MovingDatabase, RowCounts } from '../store/moving-database.ts';
import { copyRecordings, type MovingBlobs, type RecordingsCopied } from './copy-recordings.ts';
import { eraseDoomed, type LeftBehind } from './erase-doomed.ts';
import { SlotSet } from './slot-set.ts';
import { hasSeenNewer } from './vault-sight.ts';

/*
 * How an archive moves to another database, and its recordings to another blob store, so that at no moment there are two of
 * it, or none.
 *
 * 1. `live`, beside servers that go on. Nothing is changed before source, target and blob store have been looked at and found
 *    fit. The target's database gets a mark, `arriving`, that keeps everybody else out of it. Then recordings and rows are
 *    copied. What a copy made now may get wrong, a later one puts right: recordings never change under a name, and rows are
 *    compared one by one, those that the source has no more being deleted. So any of it may be copied early but the key tree.
 *    A page of it that is copied early is just an old copy by the time it counts, and old copies of pages are what the tree is
 *    made to outlive.
 * 2. `closed`, once nobody else uses the source: its servers have been stopped. One commit marks it as `moved` and closes it
 *    for writes, for good. From here on its rows are at rest, so copying until a copy changes nothing proves that the target
 *    has all of them and no others; then the tree, and last of all, in one commit, the archive's row, which makes an archive
 *    of the copy.
 * 3. The first seal in the target. The vault stays where it is, and the copied row names the same root key as the source's;
 *    by the seal the target is newer. The moment in which the vault's head moves to that seal is the point of no return: from
 *    then on the vault itself refuses the source, also where a copy of it without the mark is put back (`archive_restored`), and
 *    that key starts to die, and with it what the source can still open: it has become a backup. Up to then nothing but the
 *    target, which nobody can open, knows of the seal, committed or not.
 * 4. Bytes that no row names are removed from the target, of calls that were erased while it was filled, and bytes that were
 *    doomed in the source from the blob store that the archive leaves; then the target's mark says `arrived`, and everybody is
 *    let in.
 *
 * What was erased meanwhile. A purge that the source has carried out took its rows, and the last copy takes them from the
 * target; their keys are not in the tree that moves. One that was only asked for moves as what it is, rows and a job, and a
 * worker of the target carries it out once the lease of the dead one is over. Slots that were reserved, uploads and other work
 * under way move alike, and end as they end after every death.
 *
 * Dying at any step. The marks say how far it has come, and running the same command again goes on from there: before the
 * closing nothing has happened to the source; after it nobody can use the archive until the move has come to its end, or, up
 * to the point of no return, until `cancelMove` has opened the source again. A target whose move was cancelled is an
 * unfinished copy, which the next move makes good or the operator drops.
 */

/** What a move needs from outside: who holds what, and archives as processes open them. */
export type MoveOptions = {
  /** The target's database, held for as long as the move lasts. */
  target: MovingDatabase;
  /** Throws where the target is not held alone. Whoever has moved in there does not mind the end of a move. */
  refuseInUse(): void;
  /** Null where the recordings stay where they are. */
  blobs: MovingBlobs | null;
  vault: Pick<Vault, 'current'>;
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
  database: MovingDatabase;
  /** Throws what a start on the source would be refused with, and brings its schema up to date as a start does. */
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
  /** Null where the move had come to its end before. */
  settled: Settled | null;
  /** Null where the recordings stay where they are. */
  leftBehind: LeftBehind | null;
};

const pauseMs = 1000;
const sayEveryMs = 10_000;
/** While servers are waited for, the copy is kept from growing old. */
const copyEveryMs = 60_000;
/** Changes of a live copy after which another one is not worth its while. */
const fewChanges = 1000;
const liveCopiesMax = 3;

/**
 * Moves an archive, or goes on with a move. Where it had come to its end before, bytes that the old blob store would not let
 * go of are tried again, and nothing else is done.
 *
 * Throws `archive_moved` for a source whose archive went to another place, what a start on the source would, `input_invalid` for
 * one without an archive and for a target that is not empty, `store_busy` where the source's servers were not stopped in time.
 */
export async function moveArchive(options: MoveOptions): Promise<MoveReport> {
  const seen = new SlotSet();
  const begun = await withSource(options, 'shared', async (source) => await begin(options, source));
  if (begun.stage === 'ended') {
    const leftBehind = await withSource(options, 'shared', async ({ database }) => await clearOld(options, database));
    return { archiveId: begun.archiveId, rows: null, recordings: null, settled: null, leftBehind };
  }
  if (begun.stage === 'live') await copyLive(options, seen);
  const held = await holdAlone(options, seen);
  try {
    return await finish(options, held, begun, seen);
  } finally {
    await held.release();
  }
}

type Begun = { stage: 'live' | 'closed' | 'ended'; id: string; archiveId: string };

/**
 * Finds out how far the move has come, and marks the target where this is its beginning. Whatever may be refused is looked at
 * before anything is changed; the proof of the source comes last, since a start brings its schema up to date.
 */
async function begin(options: MoveOptions, { database, prove }: HeldSource): Promise<Begun> {
  const { target, blobs, vault, places, clock } = options;
  // Before the row: servers go on sealing, and the vault never sees a seal before the row has it.
  const sight = await vault.current();
  const archive = await database.archive();
  if (archive === undefined) throw new AppError('input_invalid', { message: 'There is no archive to move' });
  const { archiveId } = archive;
  const left = await database.mark();
  if (left?.state === 'moved') return await goOn(options, database, left);
  options.refuseInUse();
  if (hasSeenNewer(sight, archive)) throw new AppError('archive_restored', { detail: 'the vault has a later seal' });
  await target.refuseFull(archiveId);
  if (blobs) await refuseBlobs(blobs, archiveId);
  await prove();
  const at = clock.now();
  const id = await target.receive({ id: newId(at), archiveId, state: 'arriving', place: places.from, at });
  if (blobs) await takeBlobs(blobs, archiveId, clock);
  await options.faults.at('move:begun');
  return { stage: 'live', id, archiveId };
}

/** After the closing only the target that was named then will do. */
async function goOn(options: MoveOptions, source: MovingDatabase, left: MoveMark): Promise<Begun> {
  const { target, blobs, clock } = options;
  const { id, archiveId } = left;
  const mark = await target.mark();
  if (mark?.id !== id) throw movedAway(left);
  if (mark.state === 'arrived') return { stage: 'ended', id, archiveId };
  options.refuseInUse();
  if (blobs) await refuseBlobs(blobs, archiveId);
  // A version of the program that came meanwhile knows them newer; a copy wants both alike.
  for (const database of [source, target]) await database.migrate();
  if (blobs) await takeBlobs(blobs, archiveId, clock);
  return { stage: 'closed', id, archiveId };
}

/** Refuses a blob store that cannot be used, or that has anything of others in it. Leaves nothing there. */
async function refuseBlobs({ to }: MovingBlobs, archiveId: string): Promise<void> {
  const owner = await to.owner();
  refuseOwner(owner, archiveId);
  if (owner === undefined) {
    const { done } = await to.list()[Symbol.asyncIterator]().next();
    if (!done) {
      const message = 'The blob store named by --to-blobs has something else in it; give an empty one';
      throw new AppError('input_invalid', { message });
    }
  }
  await to.check();
}

/** Marks the blob store, and clears what a move that died has begun there. */
async function takeBlobs({ to }: MovingBlobs, archiveId: string, clock: Clock): Promise<void> {
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
async function finish(options: MoveOptions, held: HeldSource, begun: Begun, seen: SlotSet): Promise<MoveReport> {
  const { target, places, clock, faults, say } = options;
  const [{ database }, { id, archiveId }] = [held, begun];
  const left = await database.mark();
  if (left?.state !== 'moved') {
    await held.prove();
    await database.leave({ id, archiveId, state: 'moved', place: places.to, at: clock.now() });
  } else if (left.place !== places.to) {
    // The recordings may have been sent elsewhere since.
    await database.setMark({ ...left, place: places.to });
  }
  await faults.at('move:closed');
  const archive = await database.archive();
  if (archive === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
  const copied = await copyRest(options, database, archive.generation, seen);
  say('sealing the archive in its new place');
  // Throws where the source was lost meanwhile: somebody may have cancelled the move.
  if ((await database.mark())?.id !== id) throw new AppError('plan_changed', { detail: 'the move was cancelled' });
  const settled = await options.settle(archive);
  await faults.at('move:settled');
  const leftBehind = await clearOld(options, database);
  await target.setMark({ id, archiveId, state: 'arrived', place: places.from, at: clock.now() });
  await faults.at('move:arrived');
  return { archiveId, ...copied, settled, leftBehind };
}

/** Erases what was doomed from the blob store that the archive has left: nobody else would come for it there. */
async function clearOld({ blobs }: MoveOptions, source: MovingDatabase): Promise<LeftBehind | null> {
  return blobs && (await eraseDoomed(source.doomedBlobs(), blobs.from));
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
