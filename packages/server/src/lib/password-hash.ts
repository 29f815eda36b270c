import { randomBytes } from 'node:crypto';
import { hash as argonHash, verify as argonVerify } from '@node-rs/argon2';
import { AppError, Bug } from '../model/errors.ts';

/** Argon2id; the package declares its enum as `const`, which isolated modules cannot read. */
const argon2id = 2;
const saltBytes = 16;
const digestBytes = 32;

/** What a stored hash may ask for. A damaged row must not make the process reserve terabytes. */
const memoryKibMax = 1_048_576;
const passesMax = 64;
const lanesMax = 16;

export type PasswordHasherOptions = {
  /** Hashes computed at the same time. Each takes `memoryKib` and one thread of libuv's pool (four by default). */
  concurrency?: number;
  /** Hashes that may wait for a place; one more is refused with `slow_down`. */
  queueMax?: number;
  /** Memory of one new hash, in KiB. */
  memoryKib?: number;
  /** Passes over that memory for one new hash. */
  passes?: number;
};

/**
 * Argon2id (RFC 9106) for client secrets and passwords, off the main thread, a few at a time.
 *
 * The default cost, 19 MiB and two passes on one lane, is the first choice of OWASP's Password Storage Cheat Sheet. The
 * bound on concurrency keeps half of libuv's pool free for files; the bound on the queue keeps a flood of wrong secrets
 * from becoming a backlog that outlives it. Secrets are taken as their UTF-8 bytes, without normalisation.
 */
export class PasswordHasher {
  readonly #gate: Gate;
  readonly #memoryKib: number;
  readonly #passes: number;
  readonly #decoy: string;

  constructor({ concurrency = 2, queueMax = 64, memoryKib = 19_456, passes = 2 }: PasswordHasherOptions = {}) {
    requireWhole('concurrency', concurrency, { min: 1, max: 1_024 });
    requireWhole('queueMax', queueMax, { min: 0, max: 1_000_000 });
    requireWhole('memoryKib', memoryKib, { min: 8, max: memoryKibMax });
    requireWhole('passes', passes, { min: 1, max: passesMax });
    this.#gate = new Gate(concurrency, queueMax);
    this.#memoryKib = memoryKib;
    this.#passes = passes;
    // Random bytes in the place of a digest: checking against it costs what a real check costs, and no secret matches.
    this.#decoy = `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$${phcBytes(saltBytes)}$${phcBytes(digestBytes)}`;
  }

  /**
   * Hashes a secret under a fresh salt; answers the PHC string to store. With a `salt` of 16 bytes, which nobody outside must
   * know, one secret gives one string, to be compared with another. Throws `slow_down` when the queue is full.
   */
  hash(secret: string, { salt = randomBytes(saltBytes) }: { salt?: Uint8Array } = {}): Promise<string> {
    return this.#gate.run(() =>
      argonHash(secret, {
        algorithm: argon2id,
        memoryCost: this.#memoryKib,
        timeCost: this.#passes,
        parallelism: 1,
        outputLen: digestBytes,
        salt,
      }),
    );
  }

  /**
   * True when `secret` is the one that `phc` was made from.
   *
   * A malformed hash is false, at the price of a real check, so that time does not tell which rows have none. A hash made
   * at another cost is checked at that cost. Throws `slow_down` when the queue is full.
   */
  verify(secret: string, phc: string): Promise<boolean> {
    return this.#gate.run(async () => {
      if (!isUsable(phc)) return this.#refuse(secret);
      try {
        return await argonVerify(phc, secret);
      } catch {
        // The form was right but the decoder disagrees, such as bits set behind the end of the base64 text.
        return this.#refuse(secret);
      }
    });
  }

  /** Spends what a verify spends and says no: for ids that do not exist, so that time does not tell which ones do. */
  dummyVerify(secret: string): Promise<false> {
    return this.#gate.run(() => this.#refuse(secret));
  }

  async #refuse(secret: string): Promise<false> {
    await argonVerify(this.#decoy, secret);
    return false;
  }
}

/** Runs a bounded number of things at a time, first come, first served, in front of a bounded queue. */
class Gate {
  readonly #concurrency: number;
  readonly #queueMax: number;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(concurrency: number, queueMax: number) {
    this.#concurrency = concurrency;
    this.#queueMax = queueMax;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running++;
      return;
    }
    if (this.#queue.length >= this.#queueMax) {
      throw new AppError('slow_down', {
        message: 'The server is busy; try again shortly',
        detail: 'password queue full',
      });
    }
    await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  #leave(): void {
    const next = this.#queue.shift();
    // The place is handed over, not freed, so that nobody slips in between.
    if (next === undefined) this.#running--;
    else next();
  }
}

/** True for an argon2id string in PHC form whose cost this process is willing to pay. */
function isUsable(phc: string): boolean {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/.exec(phc);
  if (match === null) return false;
  const [, memoryKib, passes, lanes] = match.map(Number);
  if (memoryKib === undefined || passes === undefined || lanes === undefined) return false;
  if (memoryKib > memoryKibMax || passes > passesMax || lanes > lanesMax) return false;
  // RFC 9106, section 3.1: at least one lane and pass, and eight KiB for each lane.
  return passes >= 1 && lanes >= 1 && memoryKib >= 8 * lanes;
}

/** Random bytes in the PHC form's base64, which has no padding. */
function phcBytes(size: number): string {
  return randomBytes(size).toString('base64').replace(/=+$/, '');
}

function requireWhole(name: string, value: number, { min, max }: { min: number; max: number }): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Bug(`PasswordHasher: ${name} must be a whole number from ${min} to ${max}`);
  }
}
