import { steadyMs } from '../lib/clock.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { StoredPage, TopRow } from '../model/key-store.ts';
import type { Vault } from '../model/vault.ts';
import type { PageCache } from './page-cache.ts';
import { type Patience, untilShown } from './until-shown.ts';

/** Names a root key, as the topmost row does. */
type Named = Pick<TopRow, 'keyId' | 'generation'>;

/** The topmost row and pages of some paths, read in one statement. */
export type Path = { top: TopRow; pages: StoredPage[] };

/**
 * Finds the root key that a row names, in memory or in the vault.
 *
 * A vault that does not show it may show it in a moment: somebody has committed that key, so it is waited for and then
 * `vault_unreachable` is thrown, never `damage`, and it never counts as destroyed.
 */
export class RootKeyLookup {
  readonly #vault: Vault;
  readonly #cache: PageCache;
  readonly #patience: Patience;
  /** The key that the vault did not show to the last who asked under a lock, and since when, in steady time. */
  #missing: { keyId: string; since: number } | undefined;

  constructor(on: { vault: Vault; cache: PageCache; patience: Patience }) {
    this.#vault = on.vault;
    this.#cache = on.cache;
    this.#patience = on.patience;
  }

  /**
   * The key that a row under our lock names; nobody can name another meanwhile. Throws `key_locked` where it exists only
   * sealed to the recovery key. The caller wipes it.
   *
   * Whoever waits holds the lock, so all wait for one key together: who comes when it was waited for looks once.
   */
  async ofRow(top: Named): Promise<Buffer> {
    if (this.#missing?.keyId !== top.keyId) this.#missing = { keyId: top.keyId, since: steadyMs() };
    const forMs = Math.max(0, this.#missing.since + this.#patience.forMs - steadyMs());
    const key = await untilShown(
      { ...this.#patience, forMs },
      async () => await this.#shown(top),
      () => notShown(top),
    );
    this.#missing = undefined;
    return key;
  }

  /**
   * Row, pages and root key that belong together; `read` is asked again while the vault does not show the key, since the
   * row may name a newer one by then. The caller wipes the key.
   */
  async withPath(read: () => Promise<Path>): Promise<Path & { rootKey: Buffer }> {
    let missed: Named | undefined;
    return await untilShown(
      this.#patience,
      async () => {
        const path = await read();
        const rootKey = await this.#shownOrRetired(path.top, missed);
        missed = path.top;
        return rootKey && { ...path, rootKey };
      },
      () => notShown(missed),
    );
  }

  /** A key that was locked away after its row had been read is as good as not shown; one that is named again is locked. */
  async #shownOrRetired(top: Named, missed: Named | undefined): Promise<Buffer | undefined> {
    try {
      return await this.#shown(top);
    } catch (error) {
      if (hasCode(error, 'key_locked') && missed?.keyId !== top.keyId) return undefined;
      throw error;
    }
  }

  /**
   * Always a copy: the cache wipes its own whenever it forgets, which may be in the middle of a transaction that was
   * given the key a moment ago and would then seal the topmost page under zeros.
   */
  async #shown(top: Named): Promise<Buffer | undefined> {
    const cached = this.#cache.rootKey(top.keyId);
    if (cached) return Buffer.from(cached);
    const key = await this.#vault.open(top.keyId, top.generation);
    if (key !== undefined) this.#cache.keepRootKey(top.keyId, key);
    return key;
  }
}

/** The error for a root key that the vault should show and does not. */
export function notShown(top: Named | undefined): AppError {
  const detail = `the vault does not show the root key of seal ${top?.generation}, which the database names`;
  return new AppError('vault_unreachable', { detail });
}
