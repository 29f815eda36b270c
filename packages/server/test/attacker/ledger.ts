import type { PagePlace } from '../../src/model/key-store.ts';
import type { StoredToken } from '../../src/model/token-store.ts';

/** An artifact's ciphertext and whose it is; `instance` names one sealing under one slot. */
export type ArtifactRecord = { instance: string; ownerId: string; kind: string; sealed: Buffer };

/**
 * Everything that was ever written to the database and the blob store: what logs, dead rows, replicas, object versions
 * and backups may hold. Nothing is ever removed here, and what was rolled back is here too.
 */
export class Ledger {
  readonly pages: { place: PagePlace; sealed: Buffer }[] = [];
  readonly artifacts: ArtifactRecord[] = [];
  readonly tokens: StoredToken[] = [];
  /** Whatever else was written, as text. */
  readonly texts: Buffer[] = [];
  readonly #sealed = new Set<string>();

  page(place: PagePlace, sealed: Uint8Array): void {
    const bytes = Buffer.from(sealed);
    this.pages.push({ place, sealed: bytes });
    this.#sealed.add(nameOf(bytes));
  }

  artifact(record: Omit<ArtifactRecord, 'sealed'> & { sealed: Uint8Array }): void {
    const sealed = Buffer.from(record.sealed);
    this.artifacts.push({ ...record, sealed });
    this.#sealed.add(nameOf(sealed));
  }

  token(token: StoredToken): void {
    this.tokens.push({ ...token, token: Buffer.from(token.token) });
  }

  text(value: unknown): void {
    this.texts.push(Buffer.from(JSON.stringify(value)));
  }

  /** True when these very bytes were ever written. */
  has(sealed: Buffer): boolean {
    return this.#sealed.has(nameOf(sealed));
  }
}

/** A ciphertext by its first bytes: nonce or commitment, random enough to name it. */
export function nameOf(sealed: Buffer): string {
  return sealed.toString('latin1', 0, 48);
}
