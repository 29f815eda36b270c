import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder, syncFolder, systemError } from '../lib/durable-files.ts';
import type { Faults } from '../lib/faults.ts';
import { AppError } from '../model/errors.ts';
import { markRestoring } from '../store/restored-file.ts';

/**
 * Puts a copy in the place of a home's database. The caller holds the home alone.
 *
 * The copy is made complete and durable beside the database before anything is touched; then the folder that has the
 * database, its write-ahead log included, changes its name and the new one takes it. A death in between leaves a home
 * without a database, which every command refuses because of its vault, and which this repairs when it is run again.
 *
 * The copy is marked as being restored before it has the database's name, so that there is no moment at which anybody
 * else would take it for sound. Throws `store_failed` where the disk does not take it; then nothing has changed.
 *
 * @param file where the home has its database; `source` the one file that replaces it; `nextLeaf` as in `markRestoring`.
 */
export async function replaceDatabase(
  file: string,
  source: string,
  on: { nextLeaf: number; faults: Faults },
): Promise<void> {
  const { faults } = on;
  const folder = dirname(file);
  const [incoming, replaced] = [`${folder}.incoming`, `${folder}.replaced`];
  await rm(incoming, { recursive: true, force: true });
  try {
    await makeFolder(incoming);
    const copy = join(incoming, basename(file));
    await copyDurably(source, copy);
    markRestoring(copy, on.nextLeaf);
    await syncFolder(incoming);
  } catch (error) {
    await rm(incoming, { recursive: true, force: true });
    const code = systemError(error)?.code;
    throw code === undefined ? error : new AppError('store_failed', { detail: code, cause: error });
  }
  await faults.at('restore:copied');
  if (existsSync(folder)) {
    await rm(replaced, { recursive: true, force: true });
    await rename(folder, replaced);
  }
  await faults.at('restore:moved-aside');
  await rename(incoming, folder);
  await syncFolder(dirname(folder));
  await faults.at('restore:replaced');
}

/** Removes what a replacement leaves beside the database: the one that was there, and what a dead process had copied. */
export async function removeReplaced(file: string): Promise<void> {
  for (const folder of leftoversOf(file)) await rm(folder, { recursive: true, force: true });
}

/** Folders beside a home's database that a replacement uses, and empties. */
export function leftoversOf(file: string): string[] {
  return [`${dirname(file)}.incoming`, `${dirname(file)}.replaced`];
}

async function copyDurably(source: string, target: string): Promise<void> {
  await pipeline(createReadStream(source), createWriteStream(target, { flags: 'wx', mode: 0o600 }));
  const copy = await open(target, 'r');
  try {
    await copy.sync();
  } finally {
    await copy.close();
  }
}
