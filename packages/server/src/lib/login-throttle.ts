import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from './clock.ts';

/** Failures of a pair in a row that cost nothing: people mistype, and programs start before their configuration. */
const freeFailures = 3;
const firstPauseMs = 1_000;
const pauseMaxMs = 60_000;
const pairMemoryMs = 3_600_000;
/** Failures that an address may have at once, and the time in which it earns one back. The same for a client id. */
const bucketSize = 30;
const bucketDripMs = 10_000;
/** How far above the mark a client id's bucket may fill: so an attack is over five minutes after it ends. */
const clientBucketMs = 2 * bucketSize * bucketDripMs;
const inFlightMax = 8;
const lineMax = 1_000;

/** How an admitted attempt ended. `abandoned` is for a secret that was not compared at all, and is not counted. */
export type AttemptOutcome = 'success' | 'failure' | 'abandoned';

export type Admission =
  | {
      kind: 'go';
      /** Must be called, so in a `finally`: others may be in line behind this one. Only the first call counts. */
      release(outcome: AttemptOutcome): void;
    }
  | { kind: 'wait'; retryAfterMs: number };

export type LoginThrottleOptions = {
  clock: Clock;
  /** Entries of each of the four tables; under 500 bytes each. */
  entriesMax?: number;
};

type Attempt = { client: string; address: string; pair: string };
type Waiting = Attempt & { answer(admission: Admission): void };
type Busy = { pairs: Set<string>; line: Waiting[] };

/**
 * Slows failed logins without ever locking out the right client.
 *
 * The rule. An IPv6 address counts as its /64, the smallest piece that one customer gets; IPv4 in IPv6 counts as IPv4.
 *
 * 1. *Pair* (client id at an address). The first three failures in a row are free; then the next attempt is admitted 1 s,
 *    2 s, 4 s and so on up to 60 s after the last failure. A success clears the pair; so does an hour without a failure.
 *    That is at most 67 guesses in the first hour and 60 in each later one.
 * 2. *Address*. Thirty failures, on whichever client ids, then one in ten seconds: at most 389 guesses in an hour. A
 *    success does not clear it, or one own client would buy an attacker the right to guess at all others.
 * 3. *Client id*. While its failures from everywhere exceed thirty and one in ten seconds, pairs that have failed have no
 *    free failures any more: they pause 60 s after each. A pair that has not failed is not slowed.
 *
 * So the right client at an address of its own is admitted whatever others do, to the first attempt at once; what others
 * can take from it is three mistypings. What that leaves to a crowd of addresses is one guess each and one more a minute;
 * it is the strength of the secret that answers those. The right client at the attacker's own address shares his pauses:
 * ask `VerifiedSecrets` before asking here.
 *
 * One attempt of a pair, and eight of an address, are in flight at a time; more stand in line until those before them
 * have ended. So a burst cannot outrun the count, and a burst with the right secret passes whole: look at
 * `VerifiedSecrets` again after admission, and only the first of the burst is hashed.
 *
 * Counts live in this process; several processes allow each their own. Ids and addresses are kept only as keyed digests,
 * so entries have one size and a dump names nobody. The tables are bounded and drop what failed longest ago. Pairs in
 * their free failures have a table of their own, so pushing out one pair's pauses costs three failures on each of
 * `entriesMax` other pairs within the hour for which they are kept: by rule 2, the work of 155 addresses at the default.
 */
export class LoginThrottle {
  readonly #time: () => number;
  readonly #digestKey: KeyObject = createSecretKey(randomBytes(32));
  /** Failures in a row: pairs still in their free failures, and pairs past them. */
  readonly #lightPairs: Recent<{ failures: number; failedAt: number }>;
  readonly #heavyPairs: Recent<{ failures: number; failedAt: number }>;
  /** The time at which the bucket will be empty again. */
  readonly #addresses: Recent<number>;
  readonly #clients: Recent<number>;
  readonly #busy = new Map<string, Busy>();

  constructor({ clock, entriesMax = 20_000 }: LoginThrottleOptions) {
    this.#time = forwardOnly(clock);
    this.#lightPairs = new Recent(entriesMax, pairMemoryMs);
    this.#heavyPairs = new Recent(entriesMax, pairMemoryMs);
    this.#addresses = new Recent(entriesMax, bucketSize * bucketDripMs);
    this.#clients = new Recent(entriesMax, clientBucketMs);
  }

  /**
   * Asks for one comparison of a secret. Answers at once, unless attempts of the same pair or address are in flight: then
   * when enough of them have ended. A `wait` was not counted as a failure and gets no shorter by asking again.
   *
   * `address` is the client's own, after trusted proxies; text that is no IP address stands for itself.
   */
  admit(clientId: string, address: string): Promise<Admission> {
    const client = this.#digest(clientId);
    const place = this.#digest(networkOf(address));
    const attempt = { client, address: place, pair: client + place };
    const admission = this.#decide(attempt);
    if (admission !== undefined) return Promise.resolve(admission);
    const { line } = this.#busyAt(place);
    if (line.length >= lineMax) return Promise.resolve({ kind: 'wait', retryAfterMs: firstPauseMs });
    return new Promise((answer) => {
      line.push({ ...attempt, answer });
    });
  }

  /** The answer to this attempt, or undefined while it hangs on attempts in flight. */
  #decide(attempt: Attempt): Admission | undefined {
    const busy = this.#busy.get(attempt.address);
    if (busy?.pairs.has(attempt.pair)) return undefined;
    const now = this.#time();
    const addressPauseMs = fullMs(this.#addresses, attempt.address, now) - (bucketSize - 1) * bucketDripMs;
    const retryAfterMs = Math.max(addressPauseMs, this.#pairPauseMs(attempt, now));
    if (retryAfterMs > 0) return { kind: 'wait', retryAfterMs: Math.ceil(retryAfterMs) };
    const inFlight = busy?.pairs.size ?? 0;
    // If all in flight fail, would the bucket still have room for this one?
    if (inFlight >= inFlightMax || addressPauseMs + inFlight * bucketDripMs > 0) return undefined;
    return this.#start(attempt);
  }

  #pairPauseMs({ pair, client }: Attempt, now: number): number {
    const record = this.#heavyPairs.get(pair, now) ?? this.#lightPairs.get(pair, now);
    if (record === undefined) return 0;
    const isAttacked = fullMs(this.#clients, client, now) > bucketSize * bucketDripMs;
    return record.failedAt + (isAttacked ? pauseMaxMs : pauseMs(record.failures)) - now;
  }

  #start(attempt: Attempt): Admission {
    this.#busyAt(attempt.address).pairs.add(attempt.pair);
    let isOpen = true;
    return {
      kind: 'go',
      release: (outcome) => {
        if (!isOpen) return;
        isOpen = false;
        this.#finish(attempt, outcome);
      },
    };
  }

  #finish(attempt: Attempt, outcome: AttemptOutcome): void {
    if (outcome === 'failure') this.#countFailure(attempt);
    if (outcome === 'success') {
      this.#lightPairs.delete(attempt.pair);
      this.#heavyPairs.delete(attempt.pair);
    }
    const busy = this.#busyAt(attempt.address);
    busy.pairs.delete(attempt.pair);
    busy.line = busy.line.filter((waiting) => {
      const admission = this.#decide(waiting);
      if (admission !== undefined) waiting.answer(admission);
      return admission === undefined;
    });
    // Whoever is still in line hangs on somebody in flight, so without any in flight the line is empty.
    if (busy.pairs.size === 0) this.#busy.delete(attempt.address);
  }

  #countFailure({ client, address, pair }: Attempt): void {
    const now = this.#time();
    const before = this.#heavyPairs.get(pair, now) ?? this.#lightPairs.get(pair, now);
    const failures = (before?.failures ?? 0) + 1;
    this.#lightPairs.delete(pair);
    (failures < freeFailures ? this.#lightPairs : this.#heavyPairs).set(pair, { failures, failedAt: now }, now);
    this.#addresses.set(address, now + fullMs(this.#addresses, address, now) + bucketDripMs, now);
    const clientFullMs = Math.min(fullMs(this.#clients, client, now) + bucketDripMs, clientBucketMs);
    this.#clients.set(client, now + clientFullMs, now);
  }

  #busyAt(address: string): Busy {
    let busy = this.#busy.get(address);
    if (busy === undefined) {
      busy = { pairs: new Set(), line: [] };
      this.#busy.set(address, busy);
    }
    return busy;
  }

  #digest(text: string): string {
    return createHmac('sha256', this.#digestKey).update(text).digest('base64url').slice(0, 22);
  }
}

/** A bounded table that forgets what was written longest ago: by age, and by number when it is full. */
class Recent<Value> {
  readonly #max: number;
  readonly #memoryMs: number;
  readonly #entries = new Map<string, { value: Value; writtenAt: number }>();

  constructor(max: number, memoryMs: number) {
    this.#max = max;
    this.#memoryMs = memoryMs;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && now - entry.writtenAt < this.#memoryMs ? entry.value : undefined;
  }

  set(key: string, value: Value, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, writtenAt: now });
    for (const [oldest, { writtenAt }] of this.#entries) {
      if (this.#entries.size <= this.#max && now - writtenAt < this.#memoryMs) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/** How long a bucket takes to run empty from now on; the table holds when it will be. */
function fullMs(buckets: Recent<number>, key: string, now: number): number {
  return Math.max(0, (buckets.get(key, now) ?? now) - now);
}

/** The pause after this many failures in a row: 0, 0, 0, 1 s, 2 s, 4 s ... 60 s. */
function pauseMs(failures: number): number {
  return failures < freeFailures ? 0 : Math.min(firstPauseMs * 2 ** (failures - freeFailures), pauseMaxMs);
}

/** Time that stands still while a clock is set back: otherwise pauses would last until it has caught up. */
function forwardOnly(clock: Clock): () => number {
  let last = clock.now();
  let time = 0;
  return () => {
    const now = clock.now();
    time += Math.max(0, now - last);
    last = now;
    return time;
  };
}

/** What an address counts as: IPv4 itself, also when mapped into IPv6 (RFC 4291, 2.5.5.2); other IPv6 its first 64 bits. */
function networkOf(address: string): string {
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  const groups = ipv6Groups(plain);
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') {
    const [high = '0', low = '0'] = groups.slice(6);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16));
    return bytes.join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** The eight groups of a valid IPv6 address, lower case, without leading zeros. */
function ipv6Groups(address: string): string[] {
  const [head = [], tail] = address.split('::').map(groupsOf);
  if (tail === undefined) return head;
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
}

function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!isIPv4(group)) return [Number.parseInt(group, 16).toString(16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
  });
}
