import { randomBytes } from 'node:crypto';
import { systemError } from '../lib/durable-files.ts';
import type { Faults } from '../lib/faults.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { Folder } from './folder.ts';
import { lackingIn } from './levelling.ts';
import { archiveFile, parseName, readArchive, tempSuffix, writeArchive } from './vault-files.ts';

export type NewFile = { name: string; bytes: Uint8Array };

/** One of the folders, and how operators are told which: by its position in the setting, never by its path. */
type Place = { folder: Folder; position: string };

type Staged = { place: Place; temp: string; name: string };

/** Files copied into a folder that has stayed behind before the next are read. */
const filesPerCopy = 64;

/**
 * The folders of a vault as one. Any of them is enough to read; what is written or destroyed is so in all of them, or
 * `vault_unreachable` is thrown and nothing that was begun is ever read as a file.
 *
 * A folder counts when it holds the archive file. One that does not, while another does, may be a file system that is
 * not mounted: it is never made or filled by itself, or keys would lie there that nobody destroys.
 */
export class MirroredFolders {
  readonly #places: readonly Place[];
  readonly #faults: Faults;
  #hasSeenArchive = false;
  #isKnownPrivate = false;

  constructor(folders: readonly Folder[], faults: Faults) {
    this.#places = folders.map((folder, i) => ({ folder, position: `folder ${i + 1} of ${folders.length}` }));
    this.#faults = faults;
  }

  /**
   * Whose vault it is; undefined where no folder holds one and none ever did while this process has looked. Throws
   * `archive_mismatch` where two folders belong to different archives.
   */
  async archiveId(): Promise<string | undefined> {
    const found = new Set<string>();
    let failure: AppError | undefined;
    for (const place of this.#places) {
      try {
        const id = await archiveIn(place);
        if (id !== undefined) found.add(id);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        failure ??= error;
      }
    }
    const [archiveId] = oneArchive(found);
    if (archiveId === undefined && failure !== undefined) throw failure;
    if (archiveId === undefined && this.#hasSeenArchive) throw unreachable('no folder holds the vault any more');
    this.#hasSeenArchive ||= archiveId !== undefined;
    return archiveId;
  }

  /** Names in any of the folders that can be read. */
  async names(): Promise<string[]> {
    const names = new Set<string>();
    const failures: AppError[] = [];
    for (const place of this.#places) {
      try {
        for (const name of await listed(place)) names.add(name);
      } catch (error) {
        if (!hasCode(error, 'vault_unreachable')) throw error;
        failures.push(error);
      }
    }
    const [failure] = failures;
    if (failure !== undefined && failures.length === this.#places.length) throw failure;
    return [...names].sort();
  }

  /** Names in any of the folders, all of which must be there. */
  async allNames(): Promise<string[]> {
    refuseMissing((await this.#look()).missing);
    const names = new Set<string>();
    for (const place of this.#places) for (const name of await listed(place)) names.add(name);
    return [...names].sort();
  }

  /**
   * What `parse` makes of the first copy of a file that can be read and parsed; undefined where there is none. A folder
   * that cannot be reached may hold a copy, so that where no other does, the file is unreachable and not gone.
   */
  async read<T>(name: string, parse: (bytes: Buffer) => T | Promise<T>): Promise<T | undefined> {
    let failure: AppError | undefined;
    for (const place of this.#places) {
      try {
        const copy = await copyIn(place, name, parse);
        if (copy !== undefined) return copy.value;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (failure === undefined || hasCode(error, 'vault_unreachable')) failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Writes the archive file where there is none: into all folders, or into those that a creation cut short left out. */
  async createArchive(archiveId: string): Promise<void> {
    const { present, missing, isBegun } = await this.#look();
    if (present !== undefined && present !== archiveId) {
      throw new AppError('archive_mismatch', { detail: 'the vault belongs to another archive' });
    }
    if (isBegun) refuseMissing(missing);
    if (missing.length === 0) return;
    for (const place of missing) await reaching(place, async () => await place.folder.make());
    await this.#createIn(missing, [{ name: archiveFile, bytes: writeArchive(archiveId) }]);
  }

  /** Creates files in all folders. Those of one call become visible in their order. */
  async create(files: readonly NewFile[]): Promise<void> {
    if (files.length === 0) return;
    await this.level();
    await this.#createIn(this.#places, files);
  }

  /** Destroys files in all folders; those that are not there are left out. */
  async destroy(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    refuseMissing((await this.#look()).missing);
    const doomed = new Set(names);
    for (const place of this.#places) {
      await this.#destroyIn(place, (name) => doomed.has(name));
      // Also where all were gone: whoever took them away may have died before that was durable.
      await reaching(place, async () => await place.folder.sync());
    }
  }

  /** As `Vault.recover`. */
  async recover(): Promise<number> {
    const { missing, isBegun } = await this.#look();
    if (isBegun) refuseMissing(missing);
    if (!this.#isKnownPrivate) await this.#refuseExposed();
    let destroyed = 0;
    for (const place of this.#places) {
      const count = await this.#destroyIn(place, (name) => name.endsWith(tempSuffix));
      if (count > 0) await reaching(place, async () => await place.folder.sync());
      destroyed += count;
    }
    if (missing.length === 0) await this.level();
    return destroyed;
  }

  /** Gives each folder what it lacks and another has, so that one that was put back from a copy is whole again. */
  async level(): Promise<void> {
    refuseMissing((await this.#look()).missing);
    if (this.#places.length === 1) return;
    const listings: Set<string>[] = [];
    for (const place of this.#places) listings.push(new Set(await listed(place)));
    for (const [i, place] of this.#places.entries()) {
      const lacking = lackingIn(listings[i] ?? new Set(), listings);
      // Heads in steps of their own: the names of one step may become durable in any order.
      const heads = lacking.filter((name) => parseName(name)?.kind === 'head');
      for (const names of [lacking.filter((name) => !heads.includes(name)), heads]) await this.#copyInto(place, names);
    }
  }

  async #copyInto(place: Place, names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += filesPerCopy) {
      const files: NewFile[] = [];
      try {
        for (const name of names.slice(from, from + filesPerCopy)) {
          const bytes = await this.read(name, (found) => found);
          if (bytes !== undefined) files.push({ name, bytes });
        }
        await this.#createIn([place], files);
      } finally {
        for (const { bytes } of files) bytes.fill(0);
      }
    }
  }

  /** Everything is written everywhere before anything gets its name, so that a full disk leaves nothing behind. */
  async #createIn(places: readonly Place[], files: readonly NewFile[]): Promise<void> {
    const staged: Staged[] = [];
    try {
      for (const place of places) {
        for (const { name, bytes } of files) {
          const temp = `${name}.${randomBytes(4).toString('hex')}${tempSuffix}`;
          staged.push({ place, temp, name });
          await reaching(place, async () => await place.folder.write(temp, bytes));
          await this.#faults.at('vault-create:written');
        }
      }
      for (const place of places) await this.#nameIn(place, staged);
    } catch (error) {
      await discard(staged);
      throw error;
    }
  }

  async #nameIn(place: Place, staged: readonly Staged[]): Promise<void> {
    for (const { temp, name } of staged.filter((one) => one.place === place)) {
      await reaching(place, async () => await place.folder.rename(temp, name));
      await this.#faults.at('vault-create:renamed');
    }
    await reaching(place, async () => await place.folder.sync());
    await this.#faults.at('vault-create:synced');
  }

  async #destroyIn(place: Place, isDoomed: (name: string) => boolean): Promise<number> {
    const names = (await listed(place)).filter(isDoomed);
    for (const name of names) {
      await reaching(place, async () => await place.folder.destroy(name));
      await this.#faults.at('vault-destroy:destroyed');
    }
    return names.length;
  }

  /**
   * Looks at every folder, all of which must be reachable. `isBegun`: while some are missing, others hold more than the
   * archive file, so that this is no creation that was cut short.
   */
  async #look(): Promise<{ present: string | undefined; missing: Place[]; isBegun: boolean }> {
    const found = new Set<string>();
    const missing: Place[] = [];
    for (const place of this.#places) {
      const id = await archiveIn(place);
      if (id === undefined) missing.push(place);
      else found.add(id);
    }
    const [present] = oneArchive(found);
    const isBegun = missing.length > 0 && (await this.names()).some((name) => parseName(name) !== undefined);
    return { present, missing, isBegun };
  }

  async #refuseExposed(): Promise<void> {
    for (const place of this.#places) {
      if (!(await reaching(place, async () => await place.folder.isExposed()))) continue;
      const what = `${place.position} of the vault, or a root key in it, is open to others than its owner`;
      throw new AppError('config_invalid', { message: `TACET_KEYS_DIR: ${what}; chmod 700 the folder, 600 its files` });
    }
    this.#isKnownPrivate = true;
  }
}

async function archiveIn(place: Place): Promise<string | undefined> {
  const copy = await copyIn(place, archiveFile, readArchive);
  return copy?.value;
}

async function copyIn<T>(place: Place, name: string, parse: (bytes: Buffer) => T | Promise<T>) {
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

async function listed(place: Place): Promise<string[]> {
  return await reaching(place, async () => await place.folder.list());
}

/** What could not be named must not lie there until the next start; where that fails too, it is destroyed then. */
async function discard(staged: readonly Staged[]): Promise<void> {
  for (const { place, temp } of staged) await place.folder.destroy(temp).catch(() => undefined);
}

/** Names the failure of a folder, so that nobody takes an unreachable key for a destroyed one. */
async function reaching<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = systemError(error)?.code ?? 'failed';
    throw new AppError('vault_unreachable', { detail: `${place.position}: ${why}`, cause: error });
  }
}

function unreachable(detail: string): AppError {
  return new AppError('vault_unreachable', { detail });
}

function refuseMissing(missing: readonly Place[]): void {
  const [first] = missing;
  if (first) throw unreachable(`${first.position} holds no vault: mount it, or copy the vault into it`);
}

function oneArchive(found: ReadonlySet<string>): ReadonlySet<string> {
  if (found.size <= 1) return found;
  throw new AppError('archive_mismatch', { detail: 'the folders of the vault belong to different archives' });
}
