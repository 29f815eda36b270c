import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { type AppParts, openApp, openForRestore, openVault } from '../app.ts';
import { databaseFile, holdArchive, openStore } from '../app-places.ts';
import { refuseInside } from '../backup/new-folder.ts';
import { type Backup, readBackup, topRowOf, verifyBackup } from '../backup/read-backup.ts';
import { leftoversOf, removeReplaced, replaceDatabase } from '../backup/replace-database.ts';
import { FileBlobs } from '../blobs/file-blobs.ts';
import { type Config, readConfig } from '../config.ts';
import type { RestoreReport } from '../engine/restore/report.ts';
import { restoreArchive } from '../engine/restore/restore-archive.ts';
import { proveCopy, refuseUnrestorable } from '../keys/restorable.ts';
import { systemClock } from '../lib/clock.ts';
import { noFaults } from '../lib/faults.ts';
import { stderrLog } from '../lib/log.ts';
import { refuseOwner } from '../model/blob-store.ts';
import { AppError, codeOf, hasCode } from '../model/errors.ts';
import type { TopRow } from '../model/key-store.ts';
import { parseIdentities } from '../vault/recovery-key.ts';
import type { Surroundings } from './command-line.ts';
import { exitCodes } from './exit-codes.ts';
import { faultsFrom } from './fault-injection.ts';
import { print, withoutFaults } from './with-app.ts';

type RestoreOptions = { from?: string; identity?: string; json?: boolean };

/** `tacet restore`: 0 only when everything that was erased again has been looked for and found gone. */
export function restoreCommand(around: Surroundings): Command {
  return new Command('restore')
    .description('Make a database that came from a copy fit for use: erase again what was erased since')
    .option('--from <dir>', 'replace the database by this backup first; without it, the one that is there is worked on')
    .option('--identity <file>', 'age identities that open root keys sealed to a recovery key')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: RestoreOptions) => {
      const config = readConfig(withoutFaults(around.env));
      const identities = options.identity === undefined ? undefined : await readIdentities(options.identity);
      if (options.from !== undefined) refuseServer(config);
      const backup = options.from === undefined ? undefined : await backupAt(config, resolve(options.from));
      const held = await holdArchive(config, 'alone', { log: stderrLog });
      const parts: AppParts = { faults: faultsFrom(around.env), held, ...(identities && { identities }) };
      try {
        if (backup === undefined) await refuseAsItStands(config, parts);
        const carriedOver = backup === undefined ? null : await putBack(config, parts, backup);
        const report = await restoreHome(config, parts);
        if (config.database.kind === 'sqlite') await removeReplaced(databaseFile(config.home));
        print(options.json, toShown(report, carriedOver));
        warn(report, carriedOver);
        if (report.unverified > 0) around.exitWith(exitCodes.failed);
      } finally {
        await held.release();
      }
    });
}

/** What became of erasures that the present database had not yet sealed when it was replaced. */
type CarriedOver = { unsealed: 'carried over' | 'lost' | 'no database' | 'none'; reason: string | null };

/** The backup in a folder that a restore does not empty itself. */
async function backupAt(config: Config, dir: string): Promise<Backup> {
  const own = leftoversOf(databaseFile(config.home)).map((path) => ({
    path,
    name: 'a folder that the restore empties',
  }));
  refuseInside(dir, own);
  return await readBackup(dir);
}

/** Checks that the backup opens, then replaces the database. Nothing is touched before the checks have passed. */
async function putBack(config: Config, parts: AppParts, backup: Backup): Promise<CarriedOver> {
  if (config.horizonMs === 0) throw new AppError('backup_expired', { detail: 'the horizon is 0: no backup opens' });
  await refuse(config, parts, backup.databaseFile);
  const blobs = new FileBlobs({ root: join(config.home, 'blobs'), faults: parts.faults ?? noFaults });
  refuseOwner(await blobs.owner(), backup.manifest.archiveId);
  say('checking the backup');
  await verifyBackup(backup);
  const carriedOver = await sealPresent(config, parts);
  // Opening the present database may have locked the backup's key away.
  await refuse(config, parts, backup.databaseFile);
  say('replacing the database');
  const file = databaseFile(config.home);
  const nextLeaf = carriedOver.unsealed === 'carried over' ? (await topRowOf(file)).nextLeaf : 0;
  await replaceDatabase(file, backup.databaseFile, { nextLeaf, faults: parts.faults ?? noFaults });
  return carriedOver;
}

/**
 * Where the present database still opens, what it has destroyed since its last seal is written to the vault, so that it
 * is erased again like everything else. A database that is lost has lost that: nobody can tell what it was. Throws what
 * only keeps us from sealing it, a full vault or somebody who has it locked: it must not be replaced before.
 */
async function sealPresent(config: Config, parts: AppParts): Promise<CarriedOver> {
  if (!existsSync(databaseFile(config.home))) return { unsealed: 'no database', reason: null };
  try {
    say('sealing what the present database holds');
    const app = await openApp(config, parts);
    try {
      // The backup's key may be the one that this seal retires, and the restore needs it a moment longer.
      await app.engine.rootKeys.seal({ restoring: false, leaveUnlocked: true });
    } finally {
      await app.close();
    }
    return { unsealed: 'carried over', reason: null };
  } catch (error) {
    // A copy that was never served has nothing of its own.
    if (hasCode(error, 'archive_restored')) return { unsealed: 'none', reason: error.code };
    if (!isUnusable(error)) throw error;
    return { unsealed: 'lost', reason: codeOf(error) };
  }
}

/** True where the database itself can never be used again with this vault, whatever is put right around it. */
function isUnusable(error: unknown): boolean {
  if (hasCode(error, 'damage') || hasCode(error, 'archive_mismatch')) return true;
  return error instanceof AppError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.detail ?? '');
}

/** A server's database is put back by the server's own tools, whatever it was copied by. */
function refuseServer({ database }: Config): void {
  if (database.kind === 'sqlite') return;
  throw new AppError('input_invalid', {
    message:
      'The database is PostgreSQL: put it back by pg_restore or from a base backup, then run `tacet restore` without --from (docs/backup.md)',
  });
}

async function refuseAsItStands(config: Config, parts: AppParts): Promise<void> {
  if (config.database.kind === 'postgres') return await refuseTop(config, parts, await topOnServer(config, parts));
  const file = databaseFile(config.home);
  if (!existsSync(file)) {
    throw new AppError('input_invalid', { message: 'There is no database in the home; name a backup with --from' });
  }
  await refuse(config, parts, file);
}

/** The archive's row in the server's database as it stands. */
async function topOnServer(config: Config, parts: AppParts): Promise<TopRow> {
  const { faults = noFaults, held } = parts;
  const vault = await openVault(config, parts);
  const store = await openStore(config, { clock: systemClock, faults, vault, watch: held?.watch });
  try {
    const top = await store.reads.keys.readTop().catch((error: unknown) => {
      if (hasCode(error, 'internal') && error.detail === undefinedTable) return undefined;
      throw error;
    });
    if (top !== undefined) return top;
    throw new AppError('input_invalid', { message: 'There is no archive in the database; put it back first' });
  } finally {
    await store.close();
  }
}

/** As PostgreSQL says that a table is not there. */
const undefinedTable = '42P01';

/** Refuses a database that this vault does not open, with the reason. Looks and changes nothing. */
async function refuse(config: Config, parts: AppParts, file: string): Promise<void> {
  await refuseTop(config, parts, await topRowOf(file));
}

async function refuseTop(config: Config, parts: AppParts, top: TopRow): Promise<void> {
  const vault = await openVault(config, parts);
  refuseUnrestorable(await vault.current(), top, { now: Date.now(), horizonMs: config.horizonMs });
  await proveCopy(vault, top);
}

async function restoreHome(config: Config, parts: AppParts): Promise<RestoreReport> {
  const app = await openForRestore(config, parts);
  try {
    return await restoreArchive(app.engine, say);
  } finally {
    await app.close();
  }
}

async function readIdentities(file: string) {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new AppError('input_invalid', { message: 'The identity file cannot be read' });
  });
  return parseIdentities(text);
}

function say(stage: string): void {
  process.stderr.write(`${stage}\n`);
}

function warn(report: RestoreReport, carriedOver: CarriedOver | null): void {
  if (carriedOver?.unsealed === 'lost') {
    say('warning: the database that was replaced did not open; what it erased since its last seal is undone');
  }
  if (report.callsWithoutBytes.length > 0) {
    say(`warning: the recordings of ${report.callsWithoutBytes.length} living calls are not in the blob store`);
  }
  if (report.holdsWithoutIdentifiers.length > 0) {
    say('warning: some holds keep only the calls that they covered; place them again to hold later calls too');
  }
  if (report.unverified > 0) {
    say(
      `${report.unverified} items are unreadable, but their bytes are not gone yet; a running server goes on with them`,
    );
  }
}

function toShown(report: RestoreReport, carriedOver: CarriedOver | null): Record<string, unknown> {
  const { sealedAt, verified, unverified, items, ...counts } = report;
  return {
    verified: unverified === 0,
    replaced: carriedOver,
    ...counts,
    itemsVerified: verified,
    itemsUnverified: unverified,
    sealedAt: new Date(sealedAt).toISOString(),
    items: items.map((item) => ({ ...item, erasedAt: new Date(item.erasedAt).toISOString() })),
  };
}
