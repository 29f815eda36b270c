import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FileBlobs } from './blobs/file-blobs.ts';
import type { Config } from './config.ts';
import type { Clock } from './lib/clock.ts';
import type { Faults } from './lib/faults.ts';
import type { Log } from './lib/log.ts';
import type { BlobStore } from './model/blob-store.ts';
import { AppError } from './model/errors.ts';
import type { Store } from './model/store.ts';
import type { Vault } from './model/vault.ts';
import { type HeldHome, type HomeUse, holdHome } from './store/home-lock.ts';
import { openPostgresStore } from './store/open-postgres.ts';
import { PostgresWatch } from './store/postgres-watch.ts';
import { openSqliteStore } from './store/store.ts';
import type { WatchedServer } from './store/watched-server.ts';

/** Where a home has its database. */
export function databaseFile(home: string): string {
  return join(home, 'db', 'tacet.sqlite');
}

/** An archive in use, until `release`. Releasing twice is fine. */
export type HeldArchive = {
  /** Holds it where its rows are on a PostgreSQL server. */
  watch: PostgresWatch | undefined;
  release(): Promise<void>;
};

/**
 * Marks the archive that the configuration names as in use: its PostgreSQL database, and the home as far as anything of it is
 * there. Throws `store_busy`, saying who has it, when somebody uses it otherwise (`holdHome`).
 */
export async function holdArchive(config: Config, use: HomeUse, { log }: { log: Log }): Promise<HeldArchive> {
  const { database } = config;
  const watch = database.kind === 'postgres' ? await PostgresWatch.hold({ url: database.url, use, log }) : undefined;
  let home: HeldHome | undefined;
  try {
    home = usesHome(config) ? await holdHome(config.home, use) : undefined;
  } catch (error) {
    await watch?.release();
    throw error;
  }
  return {
    watch,
    async release() {
      await home?.release();
      await watch?.release();
    },
  };
}

/** True where anything of the archive is in the home. */
function usesHome({ database, blobsAt }: Config): boolean {
  return database.kind === 'sqlite' || blobsAt.kind === 'files';
}

/**
 * The database that the configuration names. Throws `archive_restored` for a file that is not there where there has been one:
 * it must not be made anew, empty. (A server's database says so itself, once it is looked into.)
 */
export async function openStore(config: Config, { clock, faults, vault, watch }: Opening): Promise<Store> {
  const { database } = config;
  if (database.kind === 'postgres') {
    return openPostgresStore({ url: database.url, clock, faults, ...(watch && { watch }) });
  }
  const file = databaseFile(config.home);
  if (!existsSync(file)) await refuseLost(vault);
  return await openSqliteStore({ file, clock, faults });
}

type Opening = { clock: Clock; faults: Faults; vault: Vault; watch?: WatchedServer | undefined };

/** A blob store, and what gives back its connections once it is not needed any more. */
export type OpenedBlobs = { blobs: BlobStore; close(): Promise<void> };

/** The blob store that the configuration names. */
export async function openBlobs(config: Config, { faults }: { faults: Faults }): Promise<OpenedBlobs> {
  if (config.blobsAt.kind === 's3') {
    // Half of what a command would load at its start, for what most do not use.
    const { S3Blobs } = await import('./blobs/s3-blobs.ts');
    const blobs = new S3Blobs(config.blobsAt);
    return { blobs, close: async () => await blobs.close() };
  }
  return { blobs: new FileBlobs({ root: join(config.home, 'blobs'), faults }), close: async () => undefined };
}

async function refuseLost(vault: Vault): Promise<void> {
  if ((await vault.current()).heads.length === 0) return;
  throw new AppError('archive_restored', { detail: 'the vault has seals of a database that is not here' });
}
