import { realpathSync } from 'node:fs';
import { open, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { makeFolder, syncFolder, systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/**
 * A folder that one backup fills: new, or there and empty. Nobody else fills it meanwhile, and where the backup fails it
 * is left as it was found.
 */
export class NewFolder {
  readonly path: string;
  readonly #claim: string;
  /** Folders that were made for it, deepest first. */
  readonly #made: readonly string[];

  private constructor(path: string, claim: string, made: readonly string[]) {
    this.path = path;
    this.#claim = claim;
    this.#made = made;
  }

  /**
   * Makes the folder where it is missing (mode 0700, parents too), and claims it by an empty file of the name `claim`,
   * which belongs to the caller from then on. Throws `input_invalid` for a folder that holds anything, a claim included.
   */
  static async open(dir: string, claim: string): Promise<NewFolder> {
    const path = resolve(dir);
    return await writing(async () => {
      const made = await missing(path);
      try {
        await makeFolder(path);
        if ((await readdir(path)).length > 0) throw notEmpty();
        await claimFolder(join(path, claim));
        await syncFolder(path);
        return new NewFolder(path, claim, made);
      } catch (error) {
        await removeFolders(made);
        throw error;
      }
    });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Removes these files, the claim, and the folders that were made. Never fails: it runs where something else has, and
   * that is what is told.
   */
  async discard(names: readonly string[]): Promise<void> {
    for (const name of [...names, this.#claim]) {
      // What cannot be removed is no backup all the same.
      await rm(this.file(name), { force: true }).catch(() => undefined);
    }
    await removeFolders(this.#made);
  }
}

/** Names the failure of a write. Without the cause: Node puts whole paths into messages. */
export async function writing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = systemError(error);
    if (failure === undefined) throw error;
    const detail = `${failure.syscall} ${failure.code}`;
    throw new AppError('store_failed', { message: 'The backup could not be written', detail });
  }
}

/** Throws `input_invalid` for a folder that is there and holds anything: what `NewFolder.open` would say later. */
export async function refuseFilled(dir: string): Promise<void> {
  const path = resolve(dir);
  await writing(async () => {
    if ((await missing(path)).length === 0 && (await readdir(path)).length > 0) throw notEmpty();
  });
}

/** A place that a folder must keep out of, and what to call it. */
export type Place = { path: string; name: string };

/** Throws `input_invalid` for a folder that is one of the places or lies inside one, whatever links lead there. */
export function refuseInside(dir: string, places: readonly Place[]): void {
  const folder = realPath(resolve(dir));
  for (const place of places) {
    if (!isInside(folder, realPath(resolve(place.path)))) continue;
    throw new AppError('input_invalid', { message: `A backup cannot lie in ${place.name}` });
  }
}

function isInside(folder: string, place: string): boolean {
  const within = relative(place, folder);
  return within !== '..' && !within.startsWith(`..${sep}`) && !isAbsolute(within);
}

/** The path without links, as far as it is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

/** The folders that are not there yet, deepest first. */
async function missing(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) throw new AppError('input_invalid', { message: 'That is not a folder' });
    return [];
  } catch (error) {
    if (systemError(error)?.code !== 'ENOENT') throw error;
    return [path, ...(await missing(dirname(path)))];
  }
}

/** Those of the folders, deepest first, that are empty. */
async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => undefined);
}

async function claimFolder(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    throw systemError(error)?.code === 'EEXIST' ? notEmpty() : error;
  }
}

function notEmpty(): AppError {
  return new AppError('input_invalid', { message: 'The folder is not empty; name one that is new or empty' });
}
