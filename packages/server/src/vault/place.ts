import { systemError } from '../lib/durable-files.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { Folder } from './folder.ts';
import { archiveFile, readArchive } from './vault-files.ts';

/** One of the folders of a vault, and how operators are told which: by its position in the setting, never by its path. */
export type Place = { folder: Folder; position: string };

/** The folders in the order of the setting. */
export function placesOf(folders: readonly Folder[]): Place[] {
  return folders.map((folder, i) => ({ folder, position: `folder ${i + 1} of ${folders.length}` }));
}

/** Names the failure of a folder, so that nobody takes an unreachable key for a destroyed one: `vault_unreachable`. */
export async function reaching<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = systemError(error)?.code ?? 'failed';
    throw new AppError('vault_unreachable', { detail: `${place.position}: ${why}`, cause: error });
  }
}

/** Names in a folder. */
export async function listed(place: Place): Promise<string[]> {
  return await reaching(place, async () => await place.folder.list());
}

/** The archive id in a folder; undefined where it has no archive file. Throws `damage` for one that does not parse. */
export async function archiveIn(place: Place): Promise<string | undefined> {
  return (await copyIn(place, archiveFile, readArchive))?.value;
}

/**
 * What `parse` makes of a file in a folder, or undefined where there is none. Throws what `parse` throws, unless the file
 * was only being destroyed meanwhile.
 */
export async function copyIn<T>(place: Place, name: string, parse: (bytes: Buffer) => T | Promise<T>) {
  const read = async () => await reaching(place, async () => await place.folder.read(name));
  const bytes = await read();
  if (bytes === undefined) return undefined;
  try {
    return { value: await parse(bytes) };
  } catch (error) {
    // What was read while it was being destroyed is not damage.
    if (hasCode(error, 'damage') && (await read()) === undefined) return undefined;
    throw error;
  }
}

/** Throws `config_invalid` for the first place that others may look into, or that belongs to another user. */
export async function refuseExposed(places: readonly Place[]): Promise<void> {
  for (const place of places) {
    if (!(await reaching(place, async () => await place.folder.isExposed()))) continue;
    const what = `${place.position} of the vault, or a file in it, is open to others or belongs to another user`;
    const remedy = 'run Tacet as the user who owns it; chmod 700 the folder, 600 its files';
    throw new AppError('config_invalid', { message: `TACET_KEYS_DIR: ${what}; ${remedy}` });
  }
}

/** Throws `vault_unreachable` for the first of the places that hold no vault. */
export function refuseMissing(missing: readonly Place[]): void {
  const [first] = missing;
  if (first) throw unreachable(`${first.position} holds no vault: mount it, or copy the vault into it`);
}

/** The archive ids that were found, of which there must be one at most; throws `archive_mismatch`. */
export function oneArchive(found: ReadonlySet<string>): ReadonlySet<string> {
  if (found.size <= 1) return found;
  throw new AppError('archive_mismatch', { detail: 'the folders of the vault belong to different archives' });
}

export function unreachable(detail: string): AppError {
  return new AppError('vault_unreachable', { detail });
}
