import { Bug } from '../model/errors.ts';
import { type KeyCrypto, keyBytes, nonceBytes, type SealSupplies, sealedBytes } from './page.ts';

/**
 * What the pages of one step are sealed with: for each a key and a nonce never used before, and room for its ciphertext.
 * All are drawn and allocated at once, since asking for a few random bytes costs as much as asking for thousands.
 *
 * Nothing is handed out twice. Made inside a transaction and for it alone, so that one tried again draws anew.
 */
export class FreshSupplies {
  readonly #keys: Buffer;
  readonly #nonces: Buffer;
  readonly #rooms: Buffer;
  readonly #roomBytes: number;
  #keysTaken = 0;
  #sealingsTaken = 0;

  /** For `pages` pages of `pageBytes` plaintext bytes each. */
  constructor(crypto: KeyCrypto, pages: number, pageBytes: number) {
    const drawn = crypto.random(pages * (keyBytes + nonceBytes));
    this.#keys = drawn.subarray(0, pages * keyBytes);
    this.#nonces = drawn.subarray(pages * keyBytes);
    this.#roomBytes = sealedBytes(pageBytes);
    this.#rooms = Buffer.allocUnsafeSlow(pages * this.#roomBytes);
  }

  /** The next page key: a view, good until `wipe`. Throws `Bug` when there is none left. */
  key(): Buffer {
    this.#keysTaken += 1;
    return piece(this.#keys, this.#keysTaken, keyBytes);
  }

  /** The next nonce, and room for what is sealed with it. Throws `Bug` when there is none left. */
  forSealing(): SealSupplies {
    this.#sealingsTaken += 1;
    return {
      nonce: piece(this.#nonces, this.#sealingsTaken, nonceBytes),
      room: piece(this.#rooms, this.#sealingsTaken, this.#roomBytes),
    };
  }

  /** Overwrites every key; none is handed out after it. */
  wipe(): void {
    this.#keys.fill(0);
    this.#keysTaken = this.#keys.length / keyBytes;
  }
}

/** The `count`th piece of `bytes` bytes, as a view. */
function piece(all: Buffer, count: number, bytes: number): Buffer {
  if (count * bytes > all.length) throw new Bug('a step asks for more keys and nonces than it has drawn');
  return all.subarray((count - 1) * bytes, count * bytes);
}
