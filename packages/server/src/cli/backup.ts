import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { type App, openVault } from '../app.ts';
import { databaseFile } from '../app-places.ts';
import type { BackupManifest } from '../backup/manifest.ts';
import { type Place, refuseFilled, refuseInside } from '../backup/new-folder.ts';
import { leftoversOf } from '../backup/replace-database.ts';
import { takeBackup } from '../backup/take-backup.ts';
import { takeVaultCopy } from '../backup/take-vault-copy.ts';
import { type Config, readConfig } from '../config.ts';
import { KeyTree } from '../keys/key-tree.ts';
import { AppError } from '../model/errors.ts';
import type { TopRow } from '../model/key-store.ts';
import { openFolder } from '../vault/folder.ts';
import type { Surroundings } from './command-line.ts';
import { Progress } from './progress.ts';
import { proveCopy } from './prove-copy.ts';
import { print, withApp, withoutFaults } from './with-app.ts';

const lockedMeanwhile =
  'a seal came while the copy was made: restoring this backup takes the identity of the recovery key';

type BackupOptions = { vault?: string; json?: boolean };

/** `tacet backup [DIR] [--vault DIR]`: copies of database and vault, taken beside a running server. */
export function backupCommand(around: Surroundings): Command {
  return new Command('backup')
    .description('Copy the database, beside a running server; recordings are copied by other means')
    .argument('[dir]', 'a folder that is new or empty, for the database; nothing in it opens without the vault')
    .option('--vault <dir>', 'copy the vault, with its keys, into a folder of its own')
    .option('--json', 'one JSON document on standard output')
    .action(async (dir: string | undefined, options: BackupOptions) => {
      if (dir === undefined && options.vault === undefined) {
        throw new AppError('input_invalid', { message: 'Name a folder for the database, or --vault DIR, or both' });
      }
      if (dir !== undefined) refuseServer(readConfig(withoutFaults(around.env)));
      const told = untilTold();
      try {
        print(
          options.json,
          await withApp(around, async (app, config) => {
            refusePlaces(config, dir, options.vault);
            for (const folder of [dir, options.vault]) if (folder !== undefined) await refuseFilled(folder);
            return await backUp(app, config, { dir, ...options, signal: told.signal });
          }),
        );
      } finally {
        told.forget();
      }
    });
}

/** Before anything is opened or written: a server's database is copied by the server's own tools. */
function refuseServer({ database }: Config): void {
  if (database.kind === 'sqlite') return;
  throw new AppError('input_invalid', {
    message:
      'The database is PostgreSQL: back it up by pg_dump or pg_basebackup (docs/backup.md); --vault DIR alone copies the vault',
  });
}

type Asked = BackupOptions & { dir: string | undefined; signal: AbortSignal };

/** The database first: a vault must never be older than the database that it is to open. */
async function backUp(app: App, config: Config, asked: Asked): Promise<Record<string, unknown>> {
  const { dir, vault, signal } = asked;
  const shown: Record<string, unknown> = {};
  if (dir !== undefined) Object.assign(shown, await backUpDatabase(app, config, { ...asked, dir }));
  if (vault !== undefined) {
    const { engine } = app;
    const folders = config.keysDirs.map((folder) => openFolder(folder));
    const proveOpens = async (copy: string, top: TopRow) => await proveVaultCopy(app, config, copy, top);
    const made = await takeVaultCopy(vault, { keyStore: engine.store.keyStore, folders, proveOpens, signal });
    warn('this copy of the vault holds the keys of the archive: keep it apart from every backup of the database,');
    warn('and destroy it when a newer one replaces it, or what is erased from now on can be opened with it');
    shown['vault'] = { dir: resolve(vault), ...made };
  }
  return shown;
}

async function backUpDatabase(app: App, config: Config, asked: Asked & { dir: string }) {
  const { engine } = app;
  const { blobs, clock, store } = engine;
  const progress = new Progress(process.stderr, { isShown: !asked.json, clock });
  const manifest = await takeBackup(asked.dir, {
    store,
    blobs,
    clock,
    horizonMs: config.horizonMs,
    proveOpens: async (top) => {
      if ((await proveCopy(engine, config, top)) === 'locked') warn(lockedMeanwhile);
    },
    signal: asked.signal,
    onProgress: (at) => progress.show(at),
  }).finally(() => progress.end());
  progress.say(
    `the database is copied and proven: ${manifest.database.bytes} bytes, ${manifest.blobs.count} recordings named`,
  );
  warnOf(manifest);
  return await shownOf(app, resolve(asked.dir), manifest);
}

async function proveVaultCopy({ engine }: App, config: Config, dir: string, top: TopRow): Promise<void> {
  const vault = await openVault({ ...config, keysDirs: [dir] });
  const tree = new KeyTree({ store: engine.store.keyStore, vault, clock: engine.clock });
  (await tree.openTop(top)).fill(0);
  tree.dropCaches();
}

/** Before anything is written: copies in places where they would be lost, or lie beside what they must be kept from. */
function refusePlaces(config: Config, dir: string | undefined, vault: string | undefined): void {
  const vaults: Place[] = config.keysDirs.map((path) => ({ path, name: 'the vault' }));
  const parts: Place[] = ['db', 'blobs'].map((part) => ({
    path: join(config.home, part),
    name: 'the folders of the database and the recordings',
  }));
  for (const path of leftoversOf(databaseFile(config.home)))
    parts.push({ path, name: 'a folder that a restore empties' });
  if (dir !== undefined) refuseInside(dir, [...vaults, ...parts]);
  if (vault === undefined) return;
  refuseInside(vault, [
    ...vaults,
    { path: config.home, name: 'the home: a copy of the home would carry its own keys' },
  ]);
  if (dir === undefined) return;
  refuseInside(vault, [{ path: dir, name: 'the folder of the other: keys are kept apart from what they open' }]);
  refuseInside(dir, [{ path: vault, name: 'the folder of the other: keys are kept apart from what they open' }]);
}

function warnOf({ horizonMs, blobs }: BackupManifest): void {
  if (horizonMs === 0) warn('TACET_BACKUP_HORIZON is 0: no backup can be restored once the next seal has come');
  if (blobs.missing > 0) {
    warn(`the bytes of ${blobs.missing} recordings were not in the blob store; blobs.jsonl names them`);
  }
}

function warn(what: string): void {
  process.stderr.write(`warning: ${what}\n`);
}

async function shownOf({ engine }: App, dir: string, manifest: BackupManifest): Promise<Record<string, unknown>> {
  const { archiveId, generation, database, blobs } = manifest;
  const { rootKeys } = await engine.rootKeys.status();
  const key = rootKeys.find((one) => one.generation === generation);
  return {
    dir,
    archiveId,
    generation,
    takenAt: new Date(manifest.takenAt).toISOString(),
    database: { bytes: database.bytes },
    blobs: { count: blobs.count, bytes: blobs.bytes, missing: blobs.missing },
    opensUntil: opensUntil(manifest, key),
  };
}

/**
 * When its root key dies. Null while that is the current one: then it opens at least until a horizon after it was taken.
 * One that is gone already opened no longer than that.
 */
function opensUntil(manifest: BackupManifest, key: { diesAt: number | null } | undefined): string | null {
  const diesAt = key === undefined ? manifest.takenAt + manifest.horizonMs : key.diesAt;
  return diesAt === null ? null : new Date(diesAt).toISOString();
}

/** Aborts on the signals that end a command, so that nothing half-made is left. */
function untilTold(): { signal: AbortSignal; forget(): void } {
  const told = new AbortController();
  const onSignal = (name: NodeJS.Signals) => told.abort(new Error(`stopped by ${name}; nothing of it is left`));
  const names = ['SIGINT', 'SIGTERM'] as const;
  for (const name of names) process.once(name, onSignal);
  return {
    signal: told.signal,
    forget: () => {
      for (const name of names) process.removeListener(name, onSignal);
    },
  };
}
