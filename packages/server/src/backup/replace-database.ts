import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder, syncFolder } from '../lib/durable-files.ts';
import type { Faults } from '../lib/faults.ts';

/**
 * Puts a copy in the place of a home's database. The caller holds the home alone.
 *
 * The copy is made complete and durable beside the database before anything is touched; then the folder that has the
 * database, its write-ahead log included, changes its name and the new one takes it. A death in between leaves a home
 * without a database, which every command refuses because of its vault, and which this repairs when it is run again.
 *
 * @param file where the home has its database; `source` the one file that replaces it.
 */
export async function replaceDatabase(file: string, source: string, faults: Faults): Promise<void> {
  const folder = dirname(file);
  const [incoming, replaced] = [`${folder}.incoming`, `${folder}.replaced`];
  await rm(incoming, { recursive: true, force: true });
  try {
    await makeFolder(incoming);
    await copyDurably(source, join(incoming, basename(file)));
    await syncFolder(incoming);
  } catch (error) {
    await rm(incoming, { recursive: true, force: true });
    throw error;
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
  await rm(replaced, { recursive: true, force: true });
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
