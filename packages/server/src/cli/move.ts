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
import type { MovingBlobs } from '../move/copy-recordings.ts';
import { cancelMove, type HeldSource, type MoveReport, moveArchive, type Settled } from '../move/move-archive.ts';
import type { HomeUse } from '../store/home-lock.ts';
import { MovingDatabase } from '../store/moving-database.ts';
import { PostgresWatch } from '../store/postgres-watch.ts';
import type { Surroundings } from './command-line.ts';
import { CountProgress } from './count-progress.ts';
import { exitCodes } from './exit-codes.ts';
import { faultsFrom } from './fault-injection.ts';
import { type MoveTarget, movedConfig, nameOf, withoutPassword } from './moving-places.ts';
import { print, withoutFaults } from './with-app.ts';

type MoveCommandOptions = MoveTarget & { wait: string; cancel?: boolean; json?: boolean };

const log = stderrLog;
const clock = systemClock;

/** `tacet move`: 0 only when the archive is in its new place and a deep fsck of it has found nothing. */
export function moveCommand(around: Surroundings): Command {
  return new Command('move')
    .description('Move the archive to PostgreSQL and S3; its servers go on until the last step')
    .option('--to-database <url>', 'an empty PostgreSQL database, as TACET_DATABASE_URL would name it')
    .option(
      '--to-blobs <url>',
      'an empty bucket or prefix, as TACET_BLOBS_URL would name it; without it, recordings stay',
    )
    .option('--wait <duration>', 'how long the archive is waited for until its servers have been stopped', '15m')
    .option('--cancel', 'open an archive again that a move has closed, as long as the new place has not been sealed')
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
  progress.say('the archive is in its new place: its servers may be started with the settings below');
  progress.say('looking at everything');
  const { clean, problems } = await lookAt(to);
  progress.end();
  for (const { code, what } of problems) progress.say(`${code}: ${what}`);
  print(options.json, { moved: true, clean, ...shownOf(report, from), settings: settingsOf(to, around, options) });
  return clean;
}

type Moving = { faults: Faults; waitMs: number; progress: CountProgress };

/** Holds the target's database for as long as the move lasts, and nobody else gets in. */
async function moveTo(from: Config, to: Config, { faults, waitMs, progress }: Moving): Promise<MoveReport | null> {
  if (to.database.kind !== 'postgres') throw new AppError('input_invalid');
  const { url } = to.database;
  const watch = await PostgresWatch.hold({ url, use: 'alone', log });
  try {
    const target = await MovingDatabase.open({ kind: 'postgres', url, watch }, { clock, faults });
    try {
      const held = { watch, release: async () => undefined };
      return await moveArchive({
        target,
        blobs: await blobsOf(from, to, faults),
        places: { from: nameOf(from), to: nameOf(to) },
        holdSource: async (use) => await holdSource(from, use, faults),
        settle: async ({ generation }) => {
          const app = await openForMove(to, { held, faults });
          try {
            return await settle(app, generation, { areBlobsNew: to.blobsAt !== from.blobsAt });
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
    } finally {
      await target.close();
    }
  } finally {
    await watch.release();
  }
}

/** Where recordings come from and go to; null where they stay. */
async function blobsOf(from: Config, to: Config, faults: Faults): Promise<MovingBlobs | null> {
  if (to.blobsAt === from.blobsAt) return null;
  return { from: await openBlobs(from, { faults }), to: await openBlobs(to, { faults }) };
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
    try {
      await database.migrate();
    } catch (error) {
      await database.close();
      throw error;
    }
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
    await cancelMove(database, (await vault.current({ afresh: true })).heads.at(-1)?.generation ?? 0);
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

function shownOf(report: MoveReport | null, { horizonMs }: Config): Record<string, unknown> {
  if (report === null) return {};
  const { archiveId, rows, recordings, settled } = report;
  const { sealedAt, ...rest } = settled;
  const times = { sealedAt, sourceOpensUntil: sealedAt + horizonMs };
  const told = Object.entries(times).map(([name, at]) => [name, new Date(at).toISOString()]);
  return { archiveId, rows, recordings, ...rest, ...Object.fromEntries(told) };
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
