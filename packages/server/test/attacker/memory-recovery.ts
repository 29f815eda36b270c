import { nodeKeyCrypto } from '../../src/keys/page.ts';
import type { Identities, Recipient } from '../../src/vault/recovery-key.ts';

/**
 * A recovery key and its identity. In this world both are done by AES-256-GCM under one key that is never written
 * anywhere: between two gates a process must not wait for anything but memory, and the attacker holds no identity.
 */
export class MemoryRecovery {
  readonly #key = nodeKeyCrypto.random(32);
  readonly #associated = Buffer.from('sealed to the recovery key');

  readonly recipient: Recipient = {
    seal: async (plain) => nodeKeyCrypto.seal(this.#key, this.#associated, plain),
  };

  /** What a sealed file says; undefined where that was changed. */
  open(sealed: Uint8Array): Buffer | undefined {
    return nodeKeyCrypto.open(this.#key, this.#associated, sealed);
  }

  /** The identity in the hands of a process that is given it only while `isGiven`. */
  identities(isGiven: () => boolean): Identities {
    return {
      open: async (sealed) => {
        if (!isGiven()) return { kind: 'none fits' };
        const plain = this.open(sealed);
        return plain === undefined ? { kind: 'damaged' } : { kind: 'opened', plain };
      },
    };
  }
}
