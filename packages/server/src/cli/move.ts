import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { openApp, openForMove, openVault } from '../app.ts';
import { databaseFile, holdArchive, openBlobs } from '../app-places.ts';
import { type Config, readConfig } from '../config.ts';
import { parseDuration } from '../config-values.ts';
import { fsck } from '../engine/fsck/fsck.ts';
import { sweepBytes } from '../engine/restore/sweep.ts';
import { systemClock } from '../lib/clock.ts';
import type { Faults } from '../lib/faults.ts';
import { stderrLog } from '../lib/log.ts';
import { AppError } from '../model/errors.ts';
import { cancelMove } from '../move/cancel-move.ts';
import type { MovingBlobs } from '../move/copy-recordings.ts';
import type { LeftBehind } from '../move/erase-doomed.ts';
import { type HeldSource, type MoveReport, moveArchive, type Settled } from '../move/move-archive.ts';
import type { HomeUse } from '../store/home-lock.ts';
import { MovingDatabase } from '../store/moving-database.ts';
import { PostgresWatch } from '../store/postgres-watch.ts';
import { isInUse } from '../store/watch-connection.ts';
import type { Surroundings } from './command-line.ts';
import { CountProgress } from './count-progress.ts';
import { exitCodes } from './exit-codes.ts';
import { faultsFrom } from './fault-injection.ts';
import { type MoveTarget, movedConfig, nameOf, withoutPassword } from './moving-places.ts';
import { print, withoutFaults } from './with-app.ts';

type MoveCommandOptions = MoveTarget & { wait: string; cancel?: boolean; json?: boolean };

const log = stderrLog;
const clock = systemClock;

/**
 * `tacet move`: 0 only when the archive is in its new place, a deep fsck of it has found nothing, and nothing that was erased is
 * left behind in the old one.
 */
export function moveCommand(around: Surroundings): Command {
  return new Command('move')
    .description('Move the archive to PostgreSQL and S3; its servers go on until the last step')
    .option('--to-database <url>', 'an empty PostgreSQL database, as TACET_DATABASE_URL would name it')
    .option(
      '--to-blobs <url>',
      'an empty bucket or prefix, as TACET_BLOBS_URL would name it; without it, recordings stay',
    )
    .option('--wait <duration>', 'how long the archive is waited for until its servers have been stopped', '15m')
    .option(
      '--cancel',
      'open an archive again that a move has closed, until the vault has the first seal of the new place',
    )
    .option('--json', 'one JSON document on standard output')
    .action(async (options: MoveCommandOptions) => {
      const from = readConfig(withoutFaults(around.env));
      if (options.cancel) {
        await cancel(from);
        print(options.json, { moved: false, archive: nameOf(from) });
        return;
      }
      const isClean = await move(around, from, options);
      if (!isClean) around.exitWith(exitCodes.failed);
    });
}

async function move(around: Surroundings, from: Config, options: MoveCommandOptions): Promise<boolean> {
  const to = movedConfig(from, options);
  const progress = new CountProgress(process.stderr);
  const report = await moveTo(from, to, { faults: faultsFrom(around.env), waitMs: waitOf(options), progress });
  if (report.leftBehind?.blobs) progress.say(wordsFor(report.leftBehind));
  progress.say('the archive is in its new place: its servers may be started with the settings below');
  progress.say('looking at everything');
  const { clean, problems } = await lookAt(to);
  progress.end();
  for (const { code, what } of problems) progress.say(`${code}: ${what}`);
  print(options.json, { moved: true, clean, ...shownOf(report, from), settings: settingsOf(to, around, options) });
  return clean && !report.leftBehind?.blobs;
}

type Moving = { faults: Faults; waitMs: number; progress: CountProgress };

/** Holds the target's database for as long as the move lasts, and nobody else gets in until it has come to its end. */
async function moveTo(from: Config, to: Config, { faults, waitMs, progress }: Moving): Promise<MoveReport> {
  if (to.database.kind !== 'postgres') throw new AppError('input_invalid');
  const { url } = to.database;
  const { watch, refuseInUse } = await holdTarget(url);
  try {
    const target = await MovingDatabase.open({ kind: 'postgres', url, watch }, { clock, faults });
    try {
      const held = { watch, release: async () => undefined };
      return await withBlobs(from, to, faults, async (blobs) => {
        return await moveArchive({
          target,
          refuseInUse,
          blobs,
          vault: await openVault(from),
          places: { from: nameOf(from), to: nameOf(to) },
          holdSource: async (use) => await holdSource(from, use, faults),
          settle: async ({ generation }) => {
            const app = await openForMove(to, { held, faults });
            try {
              return await settle(app, generation, { areBlobsNew: blobs !== null });
            } finally {
              await app.close();
            }
          },
          waitMs,
          clock,
          faults,
          say: (line) => progress.say(line),
          progress: (what, count) => progress.show(what, count),
        });
      });
    } finally {
      await target.close();
    }
  } finally {
    await watch.release();
  }
}

/** Alone; or beside those who use it, which is fine where only the old place is left to be cleared. */
async function holdTarget(url: string): Promise<{ watch: PostgresWatch; refuseInUse: () => void }> {
  try {
    return { watch: await PostgresWatch.hold({ url, use: 'alone', log }), refuseInUse: () => undefined };
  } catch (error) {
    if (!isInUse(error)) throw error;
    const refuseInUse = () => {
      throw error;
    };
    return { watch: await PostgresWatch.hold({ url, use: 'shared', log }), refuseInUse };
  }
}

/** Opens where recordings come from and go to, null where they stay, for as long as the work takes. */
async function withBlobs<T>(
  from: Config,
  to: Config,
  faults: Faults,
  work: (blobs: MovingBlobs | null) => Promise<T>,
): Promise<T> {
  if (to.blobsAt === from.blobsAt) return await work(null);
  const [old, fresh] = [await openBlobs(from, { faults }), await openBlobs(to, { faults })];
  try {
    return await work({ from: old.blobs, to: fresh.blobs });
  } finally {
    await old.close();
    await fresh.close();
  }
}

/** The first seal, unless it was made, and then the bytes that came over and that no row names any more. */
async function settle(
  { engine }: Awaited<ReturnType<typeof openForMove>>,
  generation: number,
  { areBlobsNew }: { areBlobsNew: boolean },
): Promise<Settled> {
  const top = await engine.store.reads.keys.readTop();
  const sealed = top !== undefined && top.generation > generation ? top : await engine.rootKeys.seal();
  const { swept, stuck } = areBlobsNew ? await sweepBytes(engine) : { swept: 0, stuck: 0 };
  return { generation: sealed.generation, sealedAt: sealed.sealedAt, bytesSwept: swept, bytesStuck: stuck };
}

async function holdSource(from: Config, use: HomeUse, faults: Faults): Promise<HeldSource> {
  const file = databaseFile(from.home);
  if (from.database.kind === 'sqlite' && !existsSync(file)) {
    throw new AppError('input_invalid', { message: 'There is no archive to move' });
  }
  const held = await holdArchive(from, use, { log });
  const { database: place } = from;
  try {
    const database = await MovingDatabase.open(
      place.kind === 'sqlite'
        ? { kind: 'sqlite', file }
        : { kind: 'postgres', url: place.url, ...(held.watch && { watch: held.watch }) },
      { clock, faults },
    );
    return {
      database,
      // Beside others with a look at the recordings; whoever holds an archive alone is not shown them.
      prove: async () => await (await openApp(from, use === 'alone' ? { held, faults } : { faults })).close(),
      async release() {
        await database.close();
        await held.release();
      },
    };
  } catch (error) {
    await held.release();
    throw error;
  }
}

async function cancel(from: Config): Promise<void> {
  const vault = await openVault(from);
  const { database, release } = await holdSource(from, 'alone', faultsFrom({}));
  try {
    await cancelMove(database, await vault.current({ afresh: true, whole: true }));
  } finally {
    await release();
  }
}

async function lookAt(config: Config) {
  const app = await openApp(config);
  try {
    return await fsck(app.engine, { deep: true });
  } finally {
    await app.close();
  }
}

function waitOf({ wait }: MoveCommandOptions): number {
  try {
    return parseDuration(wait);
  } catch {
    throw new AppError('input_invalid', { message: '--wait is not a duration such as 90s or 15m' });
  }
}

function shownOf(report: MoveReport, { horizonMs }: Config): Record<string, unknown> {
  const { archiveId, rows, recordings, settled, leftBehind } = report;
  const left = leftBehind && { leftBehind: { ...leftBehind, lockedUntil: timeOf(leftBehind.lockedUntil) } };
  if (settled === null) return { archiveId, ...left };
  const { sealedAt, ...rest } = settled;
  const times = { sealedAt: timeOf(sealedAt), sourceOpensUntil: timeOf(sealedAt + horizonMs) };
  return { archiveId, rows, recordings, ...rest, ...times, ...left };
}

/** What an operator has to know of bytes that were to be gone. */
function wordsFor({ blobs, codes, lockedUntil }: LeftBehind): string {
  const reasons = Object.entries(codes).map(([code, count]) => `${code}: ${count}`);
  const until = timeOf(lockedUntil);
  if (until !== null) reasons.push(`the last lock ends ${until}`);
  return `the old blob store keeps ${blobs} erased recordings (${reasons.join(', ')}); run this again to try again`;
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** What to start the archive with from now on. */
function settingsOf(
  to: Config,
  { env }: Surroundings,
  { toDatabase = '', toBlobs }: MoveTarget,
): Record<string, string> {
  const blobs = toBlobs ?? env['TACET_BLOBS_URL'] ?? '';
  return {
    TACET_DATABASE_URL: withoutPassword(toDatabase),
    ...(to.blobsAt.kind === 's3' ? { TACET_BLOBS_URL: blobs } : { TACET_HOME: to.home }),
    TACET_KEYS_DIR: to.keysDirs.join(','),
  };
}
