import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/** Links followed one after another, as Linux does; more lead nowhere. */
const linksMax = 40;

/**
 * Throws `config_invalid` for a vault folder that lies inside the home, or for two that are one, wherever links or mounts
 * lead: what the configuration's own check of the paths cannot see. Folders need not be there yet.
 */
export async function refuseFolders(where: { home: string; folders: readonly string[] }): Promise<void> {
  const home = await truePath(where.home);
  const seen = new Set<string>();
  for (const folder of where.folders) {
    const path = await truePath(folder);
    if (isInside(path, home)) {
      throw refused('lies inside the home, so that a backup of the home would carry its own keys');
    }
    const found = await whereThere(stat(path, { bigint: true }));
    for (const one of [path, ...(found ? [`${found.dev} ${found.ino}`] : [])]) {
      if (seen.has(one)) throw refused('names a folder twice, which is one copy and not two');
      seen.add(one);
    }
  }
}

/** True where a path is a folder or lies inside it; both without links. */
export function isInside(path: string, folder: string): boolean {
  const within = relative(folder, path);
  return within !== '..' && !within.startsWith(`..${sep}`) && !isAbsolute(within);
}

/** A path without links, also where it, or what a link in it leads to, is not there yet. */
export async function truePath(path: string, links = 0): Promise<string> {
  const found = await whereThere(realpath(path));
  if (found !== undefined) return found;
  const link = (await whereThere(lstat(path)))?.isSymbolicLink() ? await readlink(path) : undefined;
  if (link !== undefined && links < linksMax) return await truePath(resolve(dirname(path), link), links + 1);
  const parent = dirname(path);
  return parent === path ? path : join(await truePath(parent, links), basename(path));
}

/** Undefined for what is not there. What cannot be looked at is left to whoever opens the folder, and says why. */
async function whereThere<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (systemError(error) === undefined) throw error;
    return undefined;
  }
}

function refused(why: string): AppError {
  return new AppError('config_invalid', { message: `TACET_KEYS_DIR: ${why}` });
}
