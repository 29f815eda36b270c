import type { Clock } from '../lib/clock.ts';
import { type Faults, noFaults } from '../lib/faults.ts';
import { newId } from '../lib/ids.ts';
import type { KeyTx } from '../model/key-store.ts';
import type { Epoch, StoredToken, TokenTx } from '../model/token-store.ts';
import { journalEntry } from './journal-entries.ts';
import type { KeyTree } from './key-tree.ts';
import type { SlotIssuer } from './slot-issuer.ts';
import { blocksOf, decryptTokens, encryptCores } from './token-cipher.ts';

type EpochTx = { keys: KeyTx; tokens: TokenTx };

/** The part of the store that epochs live in. */
export interface EpochStore {
  write<T>(work: (tx: EpochTx) => Promise<T>): Promise<T>;
}

export type FinishOptions = { signal?: AbortSignal; isTold?: (slot: number) => boolean };

export type TokenEpochsOptions = {
  store: EpochStore;
  tree: KeyTree;
  issuer: SlotIssuer;
  clock: Clock;
  faults?: Faults;
  /** Tokens re-encrypted per transaction. */
  batch?: number;
};

/** What one step of a turn did. */
type TurnStep = { kind: 'moved' | 'ended' | 'done' };

/**
 * Token epochs (DESIGN section 2): tokens are encrypted under an epoch key that lives in a slot. A turn re-encrypts the
 * living tokens under a new key and destroys the old one, so that an old copy's tokens die with the old root keys.
 */
export class TokenEpochs {
  readonly #store: EpochStore;
  readonly #tree: KeyTree;
  readonly #issuer: SlotIssuer;
  readonly #clock: Clock;
  readonly #faults: Faults;
  readonly #batch: number;

  constructor(options: TokenEpochsOptions) {
    this.#store = options.store;
    this.#tree = options.tree;
    this.#issuer = options.issuer;
    this.#clock = options.clock;
    this.#faults = options.faults ?? noFaults;
    this.#batch = options.batch ?? 500;
  }

  /**
   * Begins a new epoch: new tokens are written under it from its commit on. With `only`, and another than that epoch
   * being current by now, somebody else was faster: then that one is returned.
   */
  async begin(tenantId: string, only?: { after: number }): Promise<Epoch> {
    return await this.#issuer.withSlots(1, async ([slot = 0]) => {
      return await this.#store.write(async (tx) => {
        await tx.tokens.takeTurn(tenantId);
        const current = (await tx.tokens.epochs(tenantId)).at(-1);
        if (only !== undefined && current !== undefined && current.number !== only.after) return current;
        return await this.beginIn(tx, tenantId, slot);
      });
    });
  }

  /** The same inside a transaction of the caller's, with a slot taken before it. */
  async beginIn(tx: EpochTx, tenantId: string, slot: number): Promise<Epoch> {
    const number = ((await tx.tokens.epochs(tenantId)).at(-1)?.number ?? 0) + 1;
    const epoch: Epoch = { id: newId(this.#clock.now()), tenantId, number, slot };
    await tx.tokens.insertEpoch(epoch);
    // Last: those who are waited for above may name slots of the same leaf.
    await this.#issuer.confirm(tx.keys, [slot]);
    return epoch;
  }

  /**
   * Turns the epoch of a tenant once: begins a new one, moves every token, destroys every older key. May be stopped at
   * any point and begun again; look-ups try every living epoch meanwhile.
   */
  async turn(tenantId: string, options: FinishOptions = {}): Promise<void> {
    await this.begin(tenantId);
    await this.finish(tenantId, options);
  }

  /**
   * Moves the tokens of older epochs to the current one and destroys the older keys. Does nothing with one epoch. Stops
   * between two steps when the signal is aborted; another call goes on from there. Slots of which `isTold` is true are
   * in the journal already and are not journaled again.
   */
  async finish(tenantId: string, options: FinishOptions = {}): Promise<void> {
    for (;;) {
      options.signal?.throwIfAborted();
      const step = await this.#store.write(async (tx) => await this.#step(tx, tenantId, options));
      if (step.kind === 'done') return;
      await this.#faults.at(`epoch:${step.kind}`);
    }
  }

  async #step(tx: EpochTx, tenantId: string, options: FinishOptions): Promise<TurnStep> {
    await tx.tokens.takeTurn(tenantId);
    const epochs = await tx.tokens.epochs(tenantId);
    const [oldest] = epochs;
    const current = epochs.at(-1);
    if (oldest === undefined || current === undefined || oldest.number === current.number) {
      return { kind: 'done' };
    }
    const tokens = await tx.tokens.tokensOfEpoch(tenantId, oldest.number, this.#batch);
    if (tokens.length === 0) {
      await this.#end(tx, oldest, options);
      return { kind: 'ended' };
    }
    await tx.tokens.replaceTokens(await this.#reencrypt(tokens, oldest, current));
    return { kind: 'moved' };
  }

  async #reencrypt(tokens: readonly StoredToken[], from: Epoch, to: Epoch) {
    const [oldKey, newKey] = [await this.#tree.keyOf(from.slot), await this.#tree.keyOf(to.slot)];
    const cores = decryptTokens(oldKey, Buffer.concat(tokens.map((token) => token.token)));
    const next = blocksOf(encryptCores(newKey, cores));
    for (const secret of [oldKey, newKey, cores]) secret.fill(0);
    return tokens.map((old, i) => ({ old, next: { ...old, epoch: to.number, token: next[i] ?? old.token } }));
  }

  async #end(tx: EpochTx, epoch: Epoch, { isTold }: FinishOptions): Promise<void> {
    await tx.tokens.deleteEpoch(epoch);
    const destroyed = await this.#tree.destroy(tx.keys, [epoch.slot]);
    const slots = destroyed.filter((slot) => isTold?.(slot) !== true);
    if (slots.length === 0) return;
    const what = { tenantId: epoch.tenantId, ownerId: epoch.id, slots };
    await tx.keys.appendJournal([journalEntry('epoch_ended', this.#clock.now(), what)]);
  }
}
