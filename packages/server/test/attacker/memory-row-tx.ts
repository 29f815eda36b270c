import type { Epoch, StoredToken, TokenTx } from '../../src/model/token-store.ts';
import type { Ledger } from './ledger.ts';
import type { Pause } from './memory-key-tx.ts';
import type { DatabaseState, Row } from './memory-state.ts';

type On = { state: () => DatabaseState; ledger: Ledger; pause: Pause };

/** Tokens and epochs inside a transaction. */
export class MemoryTokenTx implements TokenTx {
  readonly #current: () => DatabaseState;
  readonly #ledger: Ledger;
  readonly #pause: Pause;

  constructor(on: On) {
    this.#current = on.state;
    this.#ledger = on.ledger;
    this.#pause = on.pause;
  }

  get #state(): DatabaseState {
    return this.#current();
  }

  async epochs(tenantId: string): Promise<Epoch[]> {
    await this.#pause('tx:epochs');
    return this.#state.epochs.filter((epoch) => epoch.tenantId === tenantId).sort((a, b) => a.number - b.number);
  }

  /** A transaction has the whole database. */
  async takeTurn(): Promise<void> {}

  async insertEpoch(epoch: Epoch): Promise<void> {
    this.#ledger.text(epoch);
    this.#state.epochs.push({ ...epoch });
  }

  async deleteEpoch(epoch: Epoch): Promise<void> {
    this.#state.epochs = this.#state.epochs.filter((one) => one.id !== epoch.id);
  }

  async insertTokens(tokens: readonly StoredToken[]): Promise<void> {
    await this.#pause('tx:tokens');
    for (const token of tokens) {
      this.#ledger.token(token);
      this.#state.tokens.push({ ...token, token: Buffer.from(token.token) });
    }
  }

  async tokensOfEpoch(tenantId: string, epoch: number, limit: number): Promise<StoredToken[]> {
    await this.#pause('tx:tokens');
    return this.#state.tokens.filter((one) => one.tenantId === tenantId && one.epoch === epoch).slice(0, limit);
  }

  async replaceTokens(pairs: readonly { old: StoredToken; next: StoredToken }[]): Promise<void> {
    for (const { old, next } of pairs) {
      this.#ledger.token(next);
      const at = this.#state.tokens.findIndex((one) => isSame(one, old));
      if (at >= 0) this.#state.tokens[at] = { ...next, token: Buffer.from(next.token) };
    }
  }

  async deleteOfOwner(ownerId: string): Promise<void> {
    this.#state.tokens = this.#state.tokens.filter((one) => one.ownerId !== ownerId);
  }
}

/** Artifact rows inside a transaction. */
export class MemoryRowTx {
  readonly #current: () => DatabaseState;
  readonly #ledger: Ledger;
  readonly #pause: Pause;

  constructor(on: On) {
    this.#current = on.state;
    this.#ledger = on.ledger;
    this.#pause = on.pause;
  }

  get #state(): DatabaseState {
    return this.#current();
  }

  async insert(rows: readonly Row[]): Promise<void> {
    await this.#pause('tx:rows');
    for (const row of rows) {
      this.#ledger.text({ ...row, sealed: null });
      this.#state.rows.set(row.instance, { ...row });
    }
  }

  /** Writes the ciphertext into its row; does nothing where the row is gone. */
  async setSealed(instance: string, sealed: Uint8Array): Promise<void> {
    await this.#pause('tx:rows');
    const row = this.#state.rows.get(instance);
    if (row === undefined) return;
    this.#ledger.artifact({ instance, ownerId: row.ownerId, kind: row.kind, sealed });
    this.#state.rows.set(instance, { ...row, sealed: Buffer.from(sealed) });
  }

  async ofOwner(ownerId: string): Promise<Row[]> {
    await this.#pause('tx:rows');
    return [...this.#state.rows.values()].filter((row) => row.ownerId === ownerId);
  }

  async delete(instances: readonly string[]): Promise<void> {
    for (const instance of instances) this.#state.rows.delete(instance);
  }
}

function isSame(a: StoredToken, b: StoredToken): boolean {
  return (
    a.tenantId === b.tenantId &&
    a.epoch === b.epoch &&
    a.kind === b.kind &&
    a.ownerId === b.ownerId &&
    Buffer.compare(a.token, b.token) === 0
  );
}
