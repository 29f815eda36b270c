import { createHash } from 'node:crypto';
import { type KeyCrypto, keyBytes, nodeKeyCrypto } from '../../src/keys/page.ts';
import { nameOf } from './ledger.ts';

/** One ciphertext and what it says. */
export type Sealing = { sealed: Buffer; plain: Buffer };
/** Everything that one key was ever used for. */
export type KeyUse = { key: Buffer; sealings: Sealing[] };

/**
 * What the code can make of a key. A page key derived from the one before it would look random and yet be known to
 * whoever knows the old one, so the closure tries these on every key it meets.
 */
export const derivations: readonly ((key: Buffer) => Buffer)[] = [(key) => createHash('sha256').update(key).digest()];

/**
 * Notes which key sealed what, so that a window is tried on every ciphertext by one look-up: exact up to the chance
 * that AES-GCM opens under a wrong key (2^-128). `forced-closure.ts` confirms it by force on a share of the histories.
 */
export class Oracle {
  readonly #plains = new Map<string, Buffer>();
  readonly #uses = new Map<string, KeyUse>();
  /** By the first four bytes, so that a window that is no key costs a look-up without making a text of it. */
  readonly #byPrefix = new Map<number, KeyUse[]>();

  readonly crypto: KeyCrypto = {
    random: (bytes) => nodeKeyCrypto.random(bytes),
    seal: (key, associated, plain, brought) => {
      const sealed = nodeKeyCrypto.seal(key, associated, plain, brought);
      this.note(key, { sealed: Buffer.from(sealed), plain: Buffer.from(plain) });
      return sealed;
    },
    open: (key, associated, sealed) => nodeKeyCrypto.open(key, associated, sealed),
  };

  /** Notes that a key was used; `sealing` is left out for a key that only tokens are under. */
  note(key: Uint8Array, sealing?: Sealing): void {
    const bytes = Buffer.from(key);
    const name = bytes.toString('latin1');
    let use = this.#uses.get(name);
    if (use === undefined) {
      use = { key: bytes, sealings: [] };
      this.#uses.set(name, use);
      const prefix = bytes.readUInt32LE(0);
      const there = this.#byPrefix.get(prefix);
      if (there) there.push(use);
      else this.#byPrefix.set(prefix, [use]);
    }
    if (sealing === undefined) return;
    use.sealings.push(sealing);
    this.#plains.set(nameOf(sealing.sealed), sealing.plain);
  }

  /** What a noted ciphertext says. */
  plainOf(sealed: Buffer): Buffer | undefined {
    return this.#plains.get(nameOf(sealed));
  }

  /** The use of the key that stands at `at`, if any. */
  at(bytes: Buffer, at: number): KeyUse | undefined {
    const there = this.#byPrefix.get(bytes.readUInt32LE(at));
    return there?.find((use) => use.key.compare(bytes, at, at + keyBytes) === 0);
  }
}
