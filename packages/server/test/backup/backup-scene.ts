/** Homes to back up, and homes made of a backup by hand, as an operator with `cp` would. */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { startTacet } from '../support/tacet-process.ts';

export type BackupScene = {
  folder: string;
  /** Settings of the home. */
  env: Record<string, string>;
  home: string;
  /** `tacet ARGS` to its end, on this home unless `env` says otherwise. */
  run(args: readonly string[], env?: Record<string, string>): ReturnType<typeof startTacet>['ended'];
  at(...names: string[]): string;
  end(): Promise<void>;
};

export async function startBackupScene(): Promise<BackupScene> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-backup-'));
  const home = join(folder, 'home');
  const env = { TACET_HOME: home, TACET_LISTEN: '127.0.0.1:0' };
  return {
    folder,
    env,
    home,
    run: async (args, more = {}) => await startTacet(args, { ...env, ...more }).ended,
    at: (...names) => join(folder, ...names),
    end: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** So much that a copy takes long enough to be ended in its middle. The table is nobody's. */
export function fillDatabase(home: string, mib: number): void {
  const database = new Database(join(home, 'db', 'tacet.sqlite'), { timeout: 10_000 });
  database.exec('CREATE TABLE IF NOT EXISTS ballast (bytes BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO ballast (bytes) VALUES (randomblob(1048576))');
  for (let i = 0; i < mib; i += 1) insert.run();
  database.close();
}

/**
 * A home of a backup's database, a copy of the recordings, and a copy of the vault as it was when the backup was taken:
 * without the seals since, or every command would refuse it as restored. Returns its settings.
 */
export async function putTogether(
  target: string,
  from: { backup: string; blobs: string; vault: string; generation: number },
): Promise<Record<string, string>> {
  const home = join(target, 'home');
  const vault = join(target, 'home-keys');
  await mkdir(join(home, 'db'), { recursive: true, mode: 0o700 });
  await cp(join(from.backup, 'database.sqlite'), join(home, 'db', 'tacet.sqlite'));
  await cp(from.blobs, join(home, 'blobs'), { recursive: true });
  await cp(from.vault, vault, { recursive: true });
  for (const name of await readdir(vault)) {
    if (Number(/^[a-z]+-(\d{12})-/.exec(name)?.[1] ?? 0) > from.generation) await rm(join(vault, name));
  }
  return { TACET_HOME: home, TACET_LISTEN: '127.0.0.1:0' };
}
