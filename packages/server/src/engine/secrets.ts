import { hkdfSync } from 'node:crypto';
import type { KeyTree } from '../keys/key-tree.ts';
import type { Clock } from '../lib/clock.ts';
import type { Artifact, SecretKind } from '../model/call.ts';
import { AppError } from '../model/errors.ts';
import type { Store } from '../model/store.ts';
import type { Epoch } from '../model/token-store.ts';

/** Opened secrets are remembered at most this long. */
const lifeMs = 60_000;

/** A secret, and the slot that it is derived from. */
export type OpenedSecret = { slot: number; value: Buffer };

/**
 * Secrets that the server made for itself: index keys, tombstone keys, token-signing keys. Each is derived from the key
 * of a slot of its own, so that the tree's root is the root of everything, a secret is there from the commit that names
 * its slot, and it dies with that slot. Opened ones are remembered for at most a minute.
 */
export class Secrets {
  readonly #store: Store;
  readonly #tree: KeyTree;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, OpenedSecret & { at: number }>();

  constructor(options: { store: Store; tree: KeyTree; clock: Clock }) {
    this.#store = options.store;
    this.#tree = options.tree;
    this.#clock = options.clock;
  }

  /** A secret of a tenant or of the archive. Throws `damage` when there is none. */
  async open(ownerId: string, kind: SecretKind): Promise<Buffer> {
    return (await this.openWithSlot(ownerId, kind)).value;
  }

  /** The same with its slot. Throws `damage` when there is none. */
  async openWithSlot(ownerId: string, kind: SecretKind): Promise<OpenedSecret> {
    return await this.#remember(`${kind}/${ownerId}`, async () => {
      const artifact = await this.#store.reads.artifacts.find(ownerId, kind);
      if (artifact === undefined) throw new AppError('damage', { detail: `${kind} of ${ownerId} is missing` });
      const key = await this.#tree.keyOf(artifact.slot);
      const value = Buffer.from(hkdfSync('sha256', key, '', `tacet secret ${kind}`, 32));
      key.fill(0);
      return { slot: artifact.slot, value };
    });
  }

  /** The key of a token epoch. */
  async epochKey(epoch: Epoch): Promise<Buffer> {
    const { slot } = epoch;
    return (await this.#remember(`epoch/${slot}`, async () => ({ slot, value: await this.#tree.keyOf(slot) }))).value;
  }

  /** Forgets what is older than a minute; called by a timer, so that an idle process forgets too. */
  dropOld(): void {
    for (const [name, kept] of this.#remembered) {
      if (this.#isYoung(kept)) continue;
      kept.value.fill(0);
      this.#remembered.delete(name);
    }
  }

  /** Either way: what was kept before the clock was set back must not live until it has caught up. */
  #isYoung({ at }: { at: number }): boolean {
    return Math.abs(this.#clock.now() - at) < lifeMs;
  }

  /**
   * Always gives a copy: ours is wiped when it is forgotten, which may be while somebody who was given it a moment ago
   * still waits for something, and would then sign or encrypt under zeros.
   */
  async #remember(name: string, open: () => Promise<OpenedSecret>): Promise<OpenedSecret> {
    const kept = this.#remembered.get(name);
    if (kept && this.#isYoung(kept)) return { slot: kept.slot, value: Buffer.from(kept.value) };
    const { slot, value } = await open();
    this.#remembered.get(name)?.value.fill(0);
    this.#remembered.set(name, { slot, value: Buffer.from(value), at: this.#clock.now() });
    return { slot, value };
  }
}

/** The row of a secret: it names the slot that the secret is derived from. */
export function secretRow(slot: number, tenantId: string | null, ownerId: string, kind: SecretKind): Artifact {
  return { slot, tenantId, ownerId, kind, sealed: null, blob: null, blobBytes: null };
}

/** What binds a sealing to its place: another owner's, tenant's or kind's sealing does not open here. */
export function contextOf(artifact: Pick<Artifact, 'tenantId' | 'ownerId' | 'kind'>) {
  return { tenantId: artifact.tenantId ?? 'archive', ownerId: artifact.ownerId, kind: artifact.kind };
}
