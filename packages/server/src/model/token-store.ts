/** The port for tokens and their epochs (tokens are what a client's identifiers are stored as). */

export type IdentifierKind = 'phone' | 'email' | 'session' | 'external' | 'master' | 'case' | 'collection' | 'alias';

/** One token epoch of a tenant. Its key is the key of `slot`; it is living as long as this row exists. */
export type Epoch = { id: string; tenantId: string; number: number; slot: number };

/** A token as stored: 16 bytes, opaque without the epoch's key. */
export type StoredToken = { tenantId: string; epoch: number; kind: IdentifierKind; token: Uint8Array; ownerId: string };

/** A token to look for: one value under one epoch. */
export type TokenQuery = { epoch: number; token: Uint8Array };

export interface TokenTx {
  /**
   * Living epochs of a tenant, oldest first. The last one is current: new tokens are written under it. None begins or ends
   * before this transaction has ended.
   */
  epochs(tenantId: string): Promise<Epoch[]>;
  /** Taken first by whoever begins epochs, moves tokens between them or ends them: nobody else does until this has ended. */
  takeTurn(tenantId: string): Promise<void>;
  /** Waits for those who have read the epochs, so that from its commit on nobody writes under an older one. */
  insertEpoch(epoch: Epoch): Promise<void>;
  /** Waits for those who have read the epochs. */
  deleteEpoch(epoch: Epoch): Promise<void>;
  insertTokens(tokens: readonly StoredToken[]): Promise<void>;
  /** Up to `limit` tokens of one epoch, in no particular order. Nobody else removes tokens of their owners meanwhile. */
  tokensOfEpoch(tenantId: string, epoch: number, limit: number): Promise<StoredToken[]>;
  /** Replaces each old row by its new one. A row that is gone meanwhile stays gone. */
  replaceTokens(pairs: readonly { old: StoredToken; next: StoredToken }[]): Promise<void>;
}
