import type { JournalEntry } from './key-store.ts';

/** Names a root key. `generation` is one more than the highest in row or vault when it was drawn. */
export type RootKeyName = { id: string; generation: number };

/** A seal that was committed and whose head was moved: starts the clock of every older key that has none yet. */
export type Head = { generation: number; keyId: string; sealedAt: number };

/** What a vault holds, without any key. */
export type VaultState = {
  /** Undefined while the vault is empty. */
  archiveId: string | undefined;
  /** Heads, oldest first; the last one is *the* head. Older ones stay as the clocks of retired keys. */
  heads: Head[];
  keys: RootKeyName[];
  segments: RootKeyName[];
};

/**
 * Where root keys, journal segments and the head live, away from the database.
 *
 * Things are created and destroyed, never rewritten. Every method resolves only when its effect is durable. All writes
 * happen under the lock of the topmost row; the vault itself has no lock.
 */
export interface Vault {
  /** Creates an empty vault for this archive; refuses one that belongs to another. Repeating it changes nothing. */
  create(archiveId: string): Promise<void>;
  /**
   * What is there now. Fails with `vault_unreachable` where it can't be read. Names are always read anew; the contents
   * of heads, which never change, may be remembered unless everything is to be read afresh.
   */
  current(options?: { afresh: boolean }): Promise<VaultState>;
  /** The root key (32 bytes), or undefined when it is not there. */
  open(keyId: string, generation: number): Promise<Buffer | undefined>;
  /** Makes a journal segment and then a new key durable. */
  write(next: { name: RootKeyName; key: Uint8Array; entries: readonly JournalEntry[] }): Promise<void>;
  /** The journal entries of one segment. */
  readSegment(name: RootKeyName): Promise<JournalEntry[]>;
  /** Moves the head forward: one file creation, which also starts the clock of every older key. */
  retire(head: Head): Promise<void>;
  /** Destroys what has expired. */
  expire(gone: { keys: RootKeyName[]; segments: RootKeyName[]; heads: Head[] }): Promise<void>;
  /** Destroys what a process that died in the middle left behind (temporary files). */
  recover(): Promise<number>;
}
