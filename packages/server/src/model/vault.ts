import type { JournalEntry } from './key-store.ts';

/** Names a root key. `generation` is one more than the highest in row or vault when it was drawn. */
export type RootKeyName = { id: string; generation: number };

/** A root key that the vault holds. `isLocked`: it exists only sealed to the recovery key. */
export type VaultKey = RootKeyName & { isLocked: boolean };

/** A seal that was committed and whose head was moved: starts the clock of every older key that has none yet. */
export type Head = { generation: number; keyId: string; sealedAt: number };

/** What a vault holds, without any key. */
export type VaultState = {
  /** Undefined while the vault is empty. */
  archiveId: string | undefined;
  /** Heads, oldest first; the last one is *the* head. Older ones stay as the clocks of retired keys. */
  heads: Head[];
  keys: VaultKey[];
  segments: RootKeyName[];
};

/** A copy of a vault file that is not as it must be. `folder` counts from 1, in the order of the setting. */
export type VaultProblem = { folder: number; file: string; problem: 'missing' | 'damaged' };

/**
 * Where root keys, journal segments and the head live, away from the database.
 *
 * Things are created and destroyed, never rewritten. Every method resolves only when its effect is durable. All writes
 * happen under the lock of the topmost row; the vault itself has no lock. A vault may have several copies: one is enough
 * to read, and all must be there to write or destroy, or `vault_unreachable` is thrown and may be tried again.
 */
export interface Vault {
  /** True where a recovery key is set, so that root keys can be locked away. */
  readonly hasRecoveryKey: boolean;
  /** Creates an empty vault for this archive; refuses one that belongs to another. Repeating it changes nothing. */
  create(archiveId: string): Promise<void>;
  /**
   * What is there now. Fails with `vault_unreachable` where it can't be read, or with `whole` where any copy can't: what
   * lingers in that one is not told otherwise. Names are always read anew; the contents of heads, which never change, may
   * be remembered unless everything is to be read `afresh`.
   */
  current(options?: { afresh?: boolean; whole?: boolean }): Promise<VaultState>;
  /**
   * The root key (32 bytes), which the caller wipes, or undefined when the vault is there and does not show it. A locked
   * one is opened with the identities that were given, in memory; throws `key_locked` where none of them opens it.
   */
  open(keyId: string, generation: number): Promise<Buffer | undefined>;
  /** Makes a journal segment and then a new key durable. */
  write(next: { name: RootKeyName; key: Uint8Array; entries: readonly JournalEntry[] }): Promise<void>;
  /** The journal entries of one segment. */
  readSegment(name: RootKeyName): Promise<JournalEntry[]>;
  /** Moves the head forward: one file creation, which also starts the clock of every older key. */
  retire(head: Head): Promise<void>;
  /**
   * Seals keys to the recovery key and destroys each as it was, as soon as its sealed copy is durable. One that is locked
   * already stays as it is, to whomever it was sealed. Goes on past a key that cannot be read, sealed or destroyed, and
   * throws the first failure in the end. Does nothing without a recovery key; repeating it changes nothing.
   */
  lockAway(names: readonly RootKeyName[]): Promise<void>;
  /** Destroys what has expired, locked keys like others. */
  expire(gone: { keys: RootKeyName[]; segments: RootKeyName[]; heads: Head[] }): Promise<void>;
  /**
   * Refuses a vault that is not as it must be: a copy that is missing (`vault_unreachable`), that belongs to another
   * archive (`archive_mismatch`), that others may read (`config_invalid`, looked at once). Then destroys what a process
   * that died in the middle left behind (temporary files), brings a copy that has stayed behind up to the others, and
   * returns how many such files were destroyed.
   */
  recover(): Promise<number>;
  /**
   * Every file of every copy of the vault against the others: what is damaged, as far as can be told without an identity,
   * and what is missing, which is what the next write would bring back. A key that was destroyed or locked away in one copy
   * and lingers in another is neither. May run beside a writer, whose files on their way it does not tell of. Changes
   * nothing; throws `vault_unreachable` where a copy cannot be read.
   */
  inspect(): Promise<VaultProblem[]>;
}
