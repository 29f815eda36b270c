/** A key tree in a database and a vault on disk, and any number of processes that share them. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { KeyTree } from '../../src/keys/key-tree.ts';
import { type KeyCrypto, nodeKeyCrypto } from '../../src/keys/page.ts';
import { RootKeys } from '../../src/keys/root-keys.ts';
import { type Patience, standardPatience } from '../../src/keys/until-shown.ts';
import { noFaults } from '../../src/lib/faults.ts';
import type { KeyStore } from '../../src/model/key-store.ts';
import type { VaultState } from '../../src/model/vault.ts';
import { openSqliteStore, type SqlStore } from '../../src/store/store.ts';
import { FileVault, type FileVaultOptions } from '../../src/vault/file-vault.ts';
import { type Folder, openFolder } from '../../src/vault/folder.ts';
import { parseIdentities, parseRecipient } from '../../src/vault/recovery-key.ts';

export const horizonMs = 60_000;

export type ProcessOptions = Omit<FileVaultOptions, 'folders'> & {
  /** What this process sees of the folders. Default: all of them, as they are. */
  view?: (folder: Folder, position: number) => Folder;
  /** What this process sees of the database. */
  store?: (store: KeyStore) => KeyStore;
  patience?: Patience;
  crypto?: KeyCrypto;
};

export type TreeProcess = { tree: KeyTree; rootKeys: RootKeys; vault: FileVault; store: KeyStore };

export class TreeOnDisk {
  readonly home: string;
  readonly folders: string[];
  readonly store: SqlStore;
  /** Milliseconds that the clock is ahead. */
  lapsedMs = 0;

  private constructor(home: string, folders: string[], store: SqlStore) {
    this.home = home;
    this.folders = folders;
    this.store = store;
  }

  /** Nothing is in it yet but the schema. */
  static async open(folderCount = 1): Promise<TreeOnDisk> {
    const home = await mkdtemp(join(tmpdir(), 'tacet-tree-'));
    await mkdir(join(home, 'db'));
    const store = await openSqliteStore({ file: join(home, 'db', 'tacet.sqlite') });
    await store.migrate();
    const folders = Array.from({ length: folderCount }, (_, i) => join(home, `vault-${i + 1}`));
    return new TreeOnDisk(home, folders, store);
  }

  /** A process that has not started. */
  process(options: ProcessOptions = {}): TreeProcess {
    const { view = (folder: Folder) => folder, patience = standardPatience, faults = noFaults, ...rest } = options;
    const { crypto = nodeKeyCrypto, store: _, ...keys } = rest;
    const folders = this.folders.map((path, i) => view(openFolder(path), i + 1));
    const vault = new FileVault({ ...keys, folders, faults });
    const store = options.store?.(this.store.keyStore) ?? this.store.keyStore;
    const common = { store, vault, clock: { now: () => Date.now() + this.lapsedMs }, faults, patience };
    const tree = new KeyTree({ ...common, crypto });
    return { tree, vault, store, rootKeys: new RootKeys({ ...common, tree, horizonMs }) };
  }

  /** One that has. */
  async started(options: ProcessOptions = {}): Promise<TreeProcess> {
    const process = this.process(options);
    await process.rootKeys.ready('archive-1');
    return process;
  }

  /** What a vault with all folders says. */
  async state(): Promise<VaultState> {
    return await new FileVault({ folders: this.folders.map(openFolder) }).current();
  }

  async close(): Promise<void> {
    await this.store.close();
    await rm(this.home, { recursive: true });
  }
}

/** A slot of a newly born leaf, and its key. */
export async function bornSlot({ store, tree }: TreeProcess): Promise<{ slot: number; key: Buffer }> {
  const slot = (await store.write(async (tx) => await tree.bear(tx))) * tree.shape.fanOut;
  return { slot, key: await tree.keyOf(slot) };
}

/** A recovery key and what opens it. */
export async function newRecovery() {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  return { recipient, recoveryKey: parseRecipient(recipient), identities: parseIdentities(identity), identity };
}
