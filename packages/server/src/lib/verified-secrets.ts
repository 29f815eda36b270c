import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from './clock.ts';

export type VerifiedSecretsOptions = {
  clock: Clock;
  /** How long after its verification a secret is taken without another one, in milliseconds. Not extended by use. */
  ttlMs?: number;
  /** Client ids remembered at the same time; the one verified longest ago makes room. */
  max?: number;
};

/**
 * Remembers which secrets were verified lately, so that a client pays for Argon2 once in ten minutes and not per login.
 *
 * Kept per client id: the HMAC-SHA-256 of id, version and secret under a key that this process drew at its start and
 * never tells, so a dump of the map is worthless elsewhere. The secret itself is never kept. `version` is the secret
 * version of the client's row as just read: a rotate or disable by any process raises it and so ends the memory of the
 * old secret here. Whether the row is expired or disabled stays the caller's question, asked on every login.
 *
 * An answer costs a few microseconds and the same for every id and every wrong secret.
 */
export class VerifiedSecrets {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #max: number;
  readonly #key: KeyObject = createSecretKey(randomBytes(32));
  /** Compared with when there is nothing to compare with. */
  readonly #nobody: Buffer = randomBytes(32);
  /** Oldest verification first. */
  readonly #entries = new Map<string, { digest: Buffer; verifiedAt: number }>();

  constructor({ clock, ttlMs = 600_000, max = 10_000 }: VerifiedSecretsOptions) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#max = max;
  }

  /** Notes that `secret` was just verified for this client at this version. Replaces what was noted before. */
  remember(clientId: string, secret: string, version: number | string): void {
    const verifiedAt = this.#clock.now();
    this.#entries.delete(clientId);
    this.#entries.set(clientId, { digest: this.#digest(clientId, secret, version), verifiedAt });
    this.#makeRoom(verifiedAt);
  }

  /**
   * True when exactly this secret was verified for this client at this version less than `ttlMs` ago.
   *
   * Compares in constant time. A wrong secret or an older version leaves the entry alone: otherwise whoever guesses could
   * throw the right client back onto the slow path.
   */
  isRemembered(clientId: string, secret: string, version: number | string): boolean {
    const digest = this.#digest(clientId, secret, version);
    const entry = this.#entries.get(clientId);
    const isLiving = entry !== undefined && this.#isLiving(entry.verifiedAt, this.#clock.now());
    return timingSafeEqual(digest, isLiving ? entry.digest : this.#nobody);
  }

  /** Forgets the client's secret. Does nothing when none is remembered. */
  forget(clientId: string): void {
    this.#entries.delete(clientId);
  }

  #digest(clientId: string, secret: string, version: number | string): Buffer {
    // The length in front makes the text unambiguous, as a version has no colon: nothing can be shifted into another part.
    return createHmac('sha256', this.#key)
      .update(`${clientId.length}:${clientId}:${version}:${secret}`, 'utf8')
      .digest();
  }

  /** A clock that was set back makes entries of the future; those are not trusted. */
  #isLiving(verifiedAt: number, now: number): boolean {
    return now >= verifiedAt && now - verifiedAt < this.#ttlMs;
  }

  #makeRoom(now: number): void {
    for (const [clientId, { verifiedAt }] of this.#entries) {
      if (this.#entries.size <= this.#max && this.#isLiving(verifiedAt, now)) return;
      this.#entries.delete(clientId);
    }
  }
}
