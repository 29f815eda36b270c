import { type Faults, noFaults } from '../lib/faults.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { JournalEntry } from '../model/key-store.ts';
import type { Head, RootKeyName, Vault, VaultProblem, VaultState } from '../model/vault.ts';
import { checkFile } from './check-file.ts';
import type { Folder } from './folder.ts';
import { MirroredFolders } from './mirrored-folders.ts';
import type { Identities, Recipient } from './recovery-key.ts';
import {
  damaged,
  fileName,
  keysAmong,
  namesOf,
  readHead,
  readKey,
  readSegment,
  readUnlocked,
  writeHead,
  writeKey,
  writeSegment,
} from './vault-files.ts';

export type FileVaultOptions = {
  /** One folder or several; written or destroyed means in all of them. */
  folders: readonly Folder[];
  /** Wraps root keys when given: 32 bytes. */
  masterKey?: Uint8Array;
  /** What root keys are locked away to, when given. */
  recoveryKey?: Recipient;
  /** What opens locked keys, when given. */
  identities?: Identities;
  /** True for bytes that can be a locked key; without it every one that is long enough to hold a key can. */
  isLocked?: (sealed: Uint8Array) => boolean;
  faults?: Faults;
};

const keyBytes = 32;

/**
 * The vault in files. Files are created (temporary name, fsync, rename, fsync of the folder) and destroyed, never
 * rewritten: whoever reads a name reads it whole, and what is destroyed leaves no earlier version behind.
 */
export class FileVault implements Vault {
  readonly #folders: MirroredFolders;
  readonly #masterKey: Uint8Array | undefined;
  readonly #recoveryKey: Recipient | undefined;
  readonly #identities: Identities | undefined;
  readonly #check: (file: string, bytes: Buffer) => void;
  readonly #faults: Faults;
  /** Heads read before, by file name: a name never holds anything else, and there may be thousands within a horizon. */
  #heads = new Map<string, Head>();

  constructor(options: FileVaultOptions) {
    this.#faults = options.faults ?? noFaults;
    const { masterKey, isLocked = (sealed) => sealed.length > keyBytes } = options;
    this.#check = (file, bytes) => checkFile(file, bytes, { masterKey, isLocked });
    this.#folders = new MirroredFolders(options.folders, { check: this.#check, faults: this.#faults });
    this.#masterKey = masterKey;
    this.#recoveryKey = options.recoveryKey;
    this.#identities = options.identities;
  }

  get hasRecoveryKey(): boolean {
    return this.#recoveryKey !== undefined;
  }

  async create(archiveId: string): Promise<void> {
    await this.#folders.createArchive(archiveId);
  }

  async current(options?: { afresh?: boolean; whole?: boolean }): Promise<VaultState> {
    if (options?.afresh) this.#heads.clear();
    const archiveId = await this.#folders.archiveId();
    const files = await (options?.whole ? this.#folders.allNames() : this.#folders.names());
    const known = new Map<string, Head>();
    for (const name of namesOf('head', files)) {
      const file = fileName('head', name);
      const head = this.#heads.get(file) ?? (await this.#folders.read(file, (bytes) => readHead(bytes, file)));
      // One that went meanwhile is told of no more.
      if (head !== undefined) known.set(file, head);
    }
    this.#heads = known;
    return { archiveId, heads: [...known.values()], keys: keysAmong(files), segments: namesOf('segment', files) };
  }

  async open(keyId: string, generation: number): Promise<Buffer | undefined> {
    const name = { id: keyId, generation };
    const key = (await this.#readKey(name)) ?? (await this.#openLocked(name));
    // A vault that is not there shows no key either: that throws, so that nobody takes the key for destroyed.
    if (key === undefined) await this.#folders.archiveId();
    return key;
  }

  async write(next: { name: RootKeyName; key: Uint8Array; entries: readonly JournalEntry[] }): Promise<void> {
    const archiveId = await this.#archiveId();
    const key = { name: fileName('key', next.name), bytes: writeKey(archiveId, next.name, next.key, this.#masterKey) };
    const segment = {
      name: fileName('segment', next.name),
      bytes: writeSegment(archiveId, next.name, next.entries),
    };
    try {
      await this.#folders.create(next.entries.length === 0 ? [key] : [segment, key]);
    } finally {
      key.bytes.fill(0);
    }
  }

  async readSegment(name: RootKeyName): Promise<JournalEntry[]> {
    const file = fileName('segment', name);
    const entries = await this.#folders.read(file, (bytes) => readSegment(bytes, file));
    if (entries === undefined) await this.#folders.archiveId();
    return entries ?? [];
  }

  async retire(head: Head): Promise<void> {
    const archiveId = await this.#archiveId();
    const name = fileName('head', { id: head.keyId, generation: head.generation });
    await this.#folders.create([{ name, bytes: writeHead(archiveId, head) }]);
  }

  async lockAway(names: readonly RootKeyName[]): Promise<void> {
    const recipient = this.#recoveryKey;
    if (recipient === undefined) return;
    const files = new Set(await this.#folders.allNames());
    const unlocked = names.filter((name) => files.has(fileName('key', name)));
    if (unlocked.length === 0) return;
    // Copies what a process that died has locked into the folders that it did not come to.
    await this.#folders.level();
    let failure: AppError | undefined;
    for (const name of unlocked) {
      try {
        await this.#lockOneAway(recipient, name, files.has(fileName('locked', name)));
      } catch (error) {
        // One that a failing disk holds on to must not keep the others as they are.
        if (!(error instanceof AppError)) throw error;
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  async expire(gone: { keys: RootKeyName[]; segments: RootKeyName[]; heads: Head[] }): Promise<void> {
    const keys = gone.keys.flatMap((name) => [fileName('key', name), fileName('locked', name)]);
    const segments = gone.segments.map((name) => fileName('segment', name));
    const heads = gone.heads.map((head) => fileName('head', { id: head.keyId, generation: head.generation }));
    // Heads last: they are the clocks by which keys and segments are known to be due.
    for (const files of [keys, segments, heads]) await this.#folders.destroy(files);
  }

  async recover(): Promise<number> {
    return await this.#folders.recover();
  }

  async inspect(): Promise<VaultProblem[]> {
    return await this.#folders.inspect();
  }

  async #lockOneAway(recipient: Recipient, name: RootKeyName, isLocked: boolean): Promise<void> {
    const file = fileName('locked', name);
    // A key is not destroyed for a locked one that is damaged everywhere: that throws.
    if (isLocked) await this.#folders.read(file, (bytes) => this.#check(file, bytes));
    else {
      const bytes = await this.#lock(recipient, await this.#archiveId(), name);
      await this.#folders.create([{ name: file, bytes }]);
    }
    await this.#faults.at('lock:sealed');
    await this.#destroyUnlocked([name]);
    await this.#faults.at('lock:destroyed');
  }

  /** Destroys keys as they were, in every folder; what is locked of them is durable. */
  async #destroyUnlocked(unlocked: readonly RootKeyName[]): Promise<void> {
    await this.#folders.destroy(unlocked.map((name) => fileName('key', name)));
  }

  async #archiveId(): Promise<string> {
    const archiveId = await this.#folders.archiveId();
    if (archiveId === undefined) throw new AppError('vault_unreachable', { detail: 'the vault has no archive file' });
    return archiveId;
  }

  async #readKey(name: RootKeyName): Promise<Buffer | undefined> {
    return await this.#folders.read(fileName('key', name), (bytes) => {
      try {
        return readKey(bytes, name, this.#masterKey);
      } finally {
        bytes.fill(0);
      }
    });
  }

  /** What a key's locked file is to hold. The key's own file is still there. */
  async #lock(recipient: Recipient, archiveId: string, name: RootKeyName): Promise<Buffer> {
    const plain = await this.#plainOf(archiveId, name);
    try {
      return await recipient.seal(plain);
    } finally {
      plain.fill(0);
    }
  }

  /**
   * A key file without a master key. One that cannot be read as a key is taken as it is: it may hold one all the same, and
   * must neither stay nor be lost nor keep others from being locked away.
   */
  async #plainOf(archiveId: string, name: RootKeyName): Promise<Buffer> {
    const file = fileName('key', name);
    let key: Buffer | undefined;
    try {
      key = await this.#readKey(name);
      if (key !== undefined) return writeKey(archiveId, name, key);
    } catch (error) {
      if (!hasCode(error, 'damage') && !hasCode(error, 'config_invalid')) throw error;
      const bytes = await this.#folders.read(file, (found) => found);
      if (bytes !== undefined) return bytes;
    } finally {
      key?.fill(0);
    }
    throw damaged(file, 'went while it was being locked away');
  }

  async #openLocked(name: RootKeyName): Promise<Buffer | undefined> {
    const file = fileName('locked', name);
    return await this.#folders.read(file, async (sealed) => {
      if (this.#identities === undefined) throw new AppError('key_locked');
      const opened = await this.#identities.open(sealed);
      if (opened.kind === 'damaged') throw damaged(file, 'does not open');
      if (opened.kind === 'none fits') {
        const message = 'None of the identities opens this root key, which exists only sealed to the recovery key';
        throw new AppError('key_locked', { message });
      }
      try {
        return readUnlocked(opened.plain, name, await this.#archiveId());
      } finally {
        opened.plain.fill(0);
      }
    });
  }
}
