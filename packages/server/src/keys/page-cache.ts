import type { Clock } from '../lib/clock.ts';
import type { PagePlace } from '../model/key-store.ts';
import { placeName } from './page.ts';

/** Opened keys stay in memory at most this long (DESIGN section 7 states it as a limit). */
const lifeMs = 60_000;
const maxPages = 1024;

type Kept = { bytes: Buffer; at: number };

/**
 * Opened inner pages and root keys, kept for at most a minute and wiped when they leave. Never a leaf: a slot's key is
 * read from the database each time. Only reads use it; a write reads every page afresh.
 */
export class PageCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  page(place: PagePlace): Buffer | undefined {
    return this.#get(placeName(place));
  }

  rootKey(keyId: string): Buffer | undefined {
    return this.#get(`root/${keyId}`);
  }

  keepPage(place: PagePlace, keys: Buffer): void {
    this.#set(placeName(place), keys);
  }

  keepRootKey(keyId: string, key: Buffer): void {
    this.#set(`root/${keyId}`, key);
  }

  /** Forgets and wipes everything. */
  drop(): void {
    for (const kept of this.#kept.values()) kept.bytes.fill(0);
    this.#kept.clear();
  }

  /** Forgets and wipes what is older than a minute; called by a timer, so that idle processes forget too. */
  dropOld(): void {
    for (const [name, kept] of this.#kept) if (!this.#isYoung(kept)) this.#delete(name);
  }

  #get(name: string): Buffer | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    if (this.#isYoung(kept)) return kept.bytes;
    this.#delete(name);
    return undefined;
  }

  #set(name: string, bytes: Buffer): void {
    this.#delete(name);
    const eldest = this.#kept.size >= maxPages ? this.#kept.keys().next().value : undefined;
    if (eldest !== undefined) this.#delete(eldest);
    this.#kept.set(name, { bytes: Buffer.from(bytes), at: this.#clock.now() });
  }

  /** Either way: what was kept before the clock was set back must not live until it has caught up. */
  #isYoung({ at }: { at: number }): boolean {
    return Math.abs(this.#clock.now() - at) < lifeMs;
  }

  #delete(name: string): void {
    this.#kept.get(name)?.bytes.fill(0);
    this.#kept.delete(name);
  }
}
