import { randomBytes } from 'node:crypto';
import type { Faults } from '../lib/faults.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { VaultProblem } from '../model/vault.ts';
import type { Folder } from './folder.ts';
import { inspectPlaces, isDamaged } from './inspect-places.ts';
import { lackingIn } from './levelling.ts';
import {
  archiveIn,
  copyIn,
  listed,
  oneArchive,
  type Place,
  placesOf,
  reaching,
  refuseExposed,
  refuseMissing,
  unreachable,
} from './place.ts';
import { archiveFile, parseName, tempSuffix, writeArchive } from './vault-files.ts';

export type NewFile = { name: string; bytes: Uint8Array };

/** Throws `damage`, or `config_invalid` for another master key, unless a file is whole as far as its kind lets one tell. */
export type Check = (file: string, bytes: Buffer) => void;

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
  readonly #check: Check;
  readonly #faults: Faults;
  #hasSeenArchive = false;
  #isKnownPrivate = false;
  /** Files of which a copy was found damaged while another was whole: the next levelling looks at them. */
  readonly #damaged = new Set<string>();

  constructor(folders: readonly Folder[], on: { check: Check; faults: Faults }) {
    this.#places = placesOf(folders);
    this.#check = on.check;
    this.#faults = on.faults;
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
        if (copy === undefined) continue;
        if (failure !== undefined && !hasCode(failure, 'vault_unreachable')) this.#damaged.add(name);
        return copy.value;
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
    if (!this.#isKnownPrivate) await refuseExposed(this.#places);
    this.#isKnownPrivate = true;
    let destroyed = 0;
    for (const place of this.#places) {
      const count = await this.#destroyIn(place, (name) => name.endsWith(tempSuffix));
      if (count > 0) await reaching(place, async () => await place.folder.sync());
      destroyed += count;
    }
    if (missing.length === 0) await this.level();
    return destroyed;
  }

  /** As `Vault.inspect`. What it finds damaged is put right by the next levelling. */
  async inspect(): Promise<VaultProblem[]> {
    const problems = await inspectPlaces(this.#places, this.#check);
    for (const { file, problem } of problems) if (problem === 'damaged') this.#damaged.add(file);
    return problems;
  }

  /**
   * Gives each folder what it lacks and another has, so that one that was put back from a copy is whole again, and a whole
   * copy for one that was found damaged. What no folder has whole stays as it is: `inspect` tells of it.
   */
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
    await this.#mend();
  }

  async #copyInto(place: Place, names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += filesPerCopy) {
      const files: NewFile[] = [];
      try {
        for (const name of names.slice(from, from + filesPerCopy)) {
          const bytes = await this.#wholeCopy(name);
          if (bytes !== undefined) files.push({ name, bytes });
        }
        await this.#createIn([place], files);
      } finally {
        for (const { bytes } of files) bytes.fill(0);
      }
    }
  }

  /** The first copy that is whole; undefined where none is. A folder that cannot be reached may hold one: that throws. */
  async #wholeCopy(name: string): Promise<Buffer | undefined> {
    try {
      return await this.read(name, (bytes) => {
        this.#check(name, bytes);
        return bytes;
      });
    } catch (error) {
      if (error instanceof AppError && !hasCode(error, 'vault_unreachable')) return undefined;
      throw error;
    }
  }

  /** Puts whole copies in the place of damaged ones. Each is looked at again: a whole copy is never replaced. */
  async #mend(): Promise<void> {
    for (const name of this.#damaged) {
      const bytes = parseName(name) && (await this.#wholeCopy(name));
      if (bytes === undefined) continue;
      try {
        for (const place of this.#places) {
          if (await isDamaged(place, name, this.#check)) await this.#createIn([place], [{ name, bytes }]);
        }
      } finally {
        bytes.fill(0);
      }
    }
    this.#damaged.clear();
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
      // A damaged copy may still hold most of a key: it must be overwritten, and a rename would only unlink it.
      if (this.#damaged.has(name)) await reaching(place, async () => await place.folder.destroy(name));
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
}

/** What could not be named must not lie there until the next start; where that fails too, it is destroyed then. */
async function discard(staged: readonly Staged[]): Promise<void> {
  for (const { place, temp } of staged) await place.folder.destroy(temp).catch(() => undefined);
}
