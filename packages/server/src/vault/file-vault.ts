import { randomBytes } from 'node:crypto';
import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError } from '../model/errors.ts';
import type { JournalEntry } from '../model/key-store.ts';
import type { Head, RootKeyName, Vault, VaultState } from '../model/vault.ts';
import type { Folder } from './folder.ts';
import {
  archiveFile,
  fileName,
  namesOf,
  readArchive,
  readHead,
  readKey,
  readSegment,
  tempSuffix,
  writeArchive,
  writeHead,
  writeKey,
  writeSegment,
} from './vault-files.ts';

export type FileVaultOptions = {
  /** One folder or several; written or destroyed means in all of them. */
  folders: readonly Folder[];
  /** Wraps root keys when given: 32 bytes. */
  masterKey?: Uint8Array;
  faults?: Faults;
};

type NewFile = { name: string; bytes: Uint8Array };

/**
 * The vault in files. Files are created (temporary name, fsync, rename, fsync of the folder) and destroyed, never
 * rewritten: whoever reads a name reads it whole, and what is destroyed leaves no earlier version behind.
 */
export class FileVault implements Vault {
  readonly #folders: readonly Folder[];
  readonly #masterKey: Uint8Array | undefined;
  readonly #faults: Faults;
  /** Heads read before, by file name: a name never holds anything else, and there may be thousands within a horizon. */
  #heads = new Map<string, Head>();

  constructor(options: FileVaultOptions) {
    this.#folders = options.folders;
    this.#masterKey = options.masterKey;
    this.#faults = options.faults ?? noFaults;
  }

  async create(archiveId: string): Promise<void> {
    const present = await this.#archiveId();
    if (present === archiveId) return;
    if (present !== undefined)
      throw new AppError('archive_mismatch', { detail: 'the vault belongs to another archive' });
    await this.#createFiles([{ name: archiveFile, bytes: writeArchive(archiveId) }]);
  }

  async current(options?: { afresh: boolean }): Promise<VaultState> {
    if (options?.afresh) this.#heads.clear();
    const files = await this.#files();
    const heads: Head[] = [];
    const known = new Map<string, Head>();
    for (const name of namesOf('head', files)) {
      const file = fileName('head', name);
      const head = await this.#head(file);
      if (head === undefined) continue;
      heads.push(head);
      known.set(file, head);
    }
    this.#heads = known;
    const archiveId = await this.#archiveId();
    return { archiveId, heads, keys: namesOf('key', files), segments: namesOf('segment', files) };
  }

  async open(keyId: string, generation: number): Promise<Buffer | undefined> {
    const file = fileName('key', { id: keyId, generation });
    const bytes = await this.#read(file);
    return bytes && readKey(bytes, file, this.#masterKey);
  }

  async write(next: { name: RootKeyName; key: Uint8Array; entries: readonly JournalEntry[] }): Promise<void> {
    const archiveId = await this.#archiveId();
    if (archiveId === undefined) throw new AppError('vault_unreachable', { detail: 'the vault has no archive file' });
    const key = { name: fileName('key', next.name), bytes: writeKey(archiveId, next.name, next.key, this.#masterKey) };
    const segment = {
      name: fileName('segment', next.name),
      bytes: writeSegment(archiveId, next.name, next.entries),
    };
    await this.#createFiles(next.entries.length === 0 ? [key] : [segment, key]);
  }

  async readSegment(name: RootKeyName): Promise<JournalEntry[]> {
    const file = fileName('segment', name);
    const bytes = await this.#read(file);
    return bytes === undefined ? [] : readSegment(bytes, file);
  }

  async retire(head: Head): Promise<void> {
    const archiveId = (await this.#archiveId()) ?? '';
    const name = fileName('head', { id: head.keyId, generation: head.generation });
    await this.#createFiles([{ name, bytes: writeHead(archiveId, head) }]);
  }

  async expire(gone: { keys: RootKeyName[]; segments: RootKeyName[]; heads: Head[] }): Promise<void> {
    const keys = gone.keys.map((name) => fileName('key', name));
    const segments = gone.segments.map((name) => fileName('segment', name));
    const heads = gone.heads.map((head) => fileName('head', { id: head.keyId, generation: head.generation }));
    // Heads last: they are the clocks by which keys and segments are known to be due.
    for (const files of [keys, segments, heads]) await this.#destroy(files);
  }

  async recover(): Promise<number> {
    const left = (await this.#files()).filter((file) => file.endsWith(tempSuffix));
    await this.#destroy(left);
    return left.length;
  }

  /** A head, or undefined when it went meanwhile: what was read while it was being destroyed is not damage. */
  async #head(file: string): Promise<Head | undefined> {
    const known = this.#heads.get(file);
    if (known) return known;
    const bytes = await this.#read(file);
    try {
      return bytes && readHead(bytes, file);
    } catch (error) {
      if ((await this.#read(file)) === undefined) return undefined;
      throw error;
    }
  }

  async #archiveId(): Promise<string | undefined> {
    const bytes = await this.#read(archiveFile);
    return bytes && readArchive(bytes);
  }

  /** Names in any of the folders. */
  async #files(): Promise<string[]> {
    return await reaching(async () => {
      const names = new Set<string>();
      for (const folder of this.#folders) for (const name of await folder.list()) names.add(name);
      return [...names].sort();
    });
  }

  /** A file from the first folder that has it. */
  async #read(name: string): Promise<Buffer | undefined> {
    return await reaching(async () => {
      for (const folder of this.#folders) {
        const bytes = await folder.read(name);
        if (bytes !== undefined) return bytes;
      }
      return undefined;
    });
  }

  async #createFiles(files: readonly NewFile[]): Promise<void> {
    await reaching(async () => {
      for (const folder of this.#folders) {
        for (const file of files) {
          const temp = `${file.name}.${randomBytes(4).toString('hex')}${tempSuffix}`;
          await folder.write(temp, file.bytes);
          await this.#faults.at('vault-create:written');
          await folder.rename(temp, file.name);
          await this.#faults.at('vault-create:renamed');
        }
        await folder.sync();
        await this.#faults.at('vault-create:synced');
      }
    });
  }

  async #destroy(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await reaching(async () => {
      for (const folder of this.#folders) {
        for (const name of names) {
          await folder.destroy(name);
          await this.#faults.at('vault-destroy:destroyed');
        }
        await folder.sync();
      }
    });
  }
}

/** Names the failure of a folder, so that nobody takes an unreachable key for a destroyed one. */
async function reaching<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const detail = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new AppError('vault_unreachable', { detail, cause: error });
  }
}
