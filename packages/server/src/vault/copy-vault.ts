import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';
import { checkFile } from './check-file.ts';
import type { Folder } from './folder.ts';
import { hasSealedForm } from './recovery-key.ts';
import { archiveFile, parseName } from './vault-files.ts';

export type CopyVaultOptions = {
  /** The folders of the vault. */
  folders: readonly Folder[];
  /** Empty, but for temporary files. */
  target: Folder;
  /** Runs work under the lock of the topmost row, so that nobody writes to the vault meanwhile; perhaps more than once. */
  underLock<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the copy with its reason. */
  signal: AbortSignal;
};

/**
 * Copies a vault, file by file, and returns how many files the copy has: what any of the folders holds, as it is at one
 * instant, every byte of it durable. Of each file the first copy is taken that is whole, as far as its kind lets one tell.
 *
 * All that can be is copied before the lock is taken; what came or went until then is made good under it, so that seals
 * wait for a few files and not for thousands. The archive file is written last: a copy that was cut by a crash is no vault.
 * Throws `damage` where there is no vault to copy or a file of it is whole in no folder, `vault_unreachable` where it cannot be read, and the target's own errors.
 */
export async function copyVault(options: CopyVaultOptions): Promise<number> {
  await bring(options);
  return await options.underLock(async () => {
    const names = await bring(options);
    if (!names.has(archiveFile)) throw new AppError('damage', { detail: 'the vault has no archive file' });
    const gone = (await options.target.list()).filter((name) => isCurrent(name) && !names.has(name));
    for (const name of gone) await options.target.destroy(name);
    await options.target.sync();
    await copyFile(options, archiveFile);
    await options.target.sync();
    return names.size;
  });
}

/** Destroys what a copy that failed has written. Never fails: what is left has no archive file, and is no vault. */
export async function destroyVaultCopy(target: Folder): Promise<void> {
  try {
    for (const name of [archiveFile, ...(await target.list())]) await target.destroy(name);
    await target.sync();
  } catch {
    // Whatever else has failed is what is told.
  }
}

/** Copies what the target does not have yet, but for the archive file, and tells all names that the vault has. */
async function bring(options: CopyVaultOptions): Promise<Set<string>> {
  const names = new Set<string>();
  for (const folder of options.folders) {
    for (const name of await reaching(folder.list())) if (isCurrent(name)) names.add(name);
  }
  const there = new Set(await options.target.list());
  for (const name of [...names].sort()) {
    options.signal.throwIfAborted();
    if (name !== archiveFile && !there.has(name)) await copyFile(options, name);
  }
  return names;
}

/** One file, from the first folder that has it whole. One that went meanwhile is left out. */
async function copyFile({ folders, target }: CopyVaultOptions, name: string): Promise<void> {
  if ((await target.read(name)) !== undefined) return;
  let damage: AppError | undefined;
  for (const folder of folders) {
    const bytes = await reaching(folder.read(name));
    if (bytes === undefined) continue;
    try {
      damage = damageIn(name, bytes);
      if (damage === undefined) return await target.write(name, bytes);
    } finally {
      bytes.fill(0);
    }
  }
  if (damage !== undefined && (await isThere(folders, name))) throw damage;
}

function damageIn(name: string, bytes: Buffer): AppError | undefined {
  try {
    checkFile(name, bytes, { isLocked: hasSealedForm });
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** False for a file that was only being destroyed when it was read. */
async function isThere(folders: readonly Folder[], name: string): Promise<boolean> {
  for (const folder of folders) if ((await reaching(folder.read(name))) !== undefined) return true;
  return false;
}

/** True for what is part of a vault: neither on its way, nor being destroyed, nor somebody else's. */
function isCurrent(name: string): boolean {
  return name === archiveFile || parseName(name) !== undefined;
}

async function reaching<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    const detail = systemError(error)?.code;
    throw detail === undefined ? error : new AppError('vault_unreachable', { detail });
  }
}
