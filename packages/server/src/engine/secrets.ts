import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { KeyTree } from '../keys/key-tree.ts';
import { openBytes } from '../keys/sealing.ts';
import type { Clock } from '../lib/clock.ts';
import type { Artifact, OtherArtifactKind, SecretKind } from '../model/call.ts';
import { AppError } from '../model/errors.ts';
import type { Store } from '../model/store.ts';
import type { Epoch } from '../model/token-store.ts';

/** Opened secrets are remembered at most this long. */
const lifeMs = 60_000;

/** A secret, and the slot that it is derived from. */
export type OpenedSecret = { slot: number; value: Buffer };

/** What key pairs sign: the tokens of users (RSA), receipts (Ed25519). */
export type KeyPairKind = Extract<OtherArtifactKind, 'user-token-key' | 'receipt-key'>;

/** A pair of keys, one of which is secret. */
export type KeyPair = { privateKey: KeyObject; publicKey: KeyObject };

/**
 * Secrets that the server made for itself: index keys, tombstone keys, token-signing keys. Each is derived from the key
 * of a slot of its own, so that the tree's root is the root of everything, a secret is there from the commit that names
 * its slot, and it dies with that slot. A key pair is nothing to be derived: it is sealed under such a slot. Opened ones are
 * remembered for at most a minute.
 */
export class Secrets {
  readonly #store: Store;
  readonly #tree: KeyTree;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, OpenedSecret & { at: number }>();
  readonly #pairs = new Map<string, KeyPair & { at: number }>();

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

  /** The pair whose private key (PKCS #8, DER) an artifact holds; undefined while it holds none. */
  async keyPair(ownerId: string, kind: KeyPairKind): Promise<KeyPair | undefined> {
    const name = `${kind}/${ownerId}`;
    const kept = this.#pairs.get(name);
    if (kept && this.#isYoung(kept)) return kept;
    const artifact = await this.#store.reads.artifacts.find(ownerId, kind);
    if (artifact === undefined || artifact.sealed === null) return undefined;
    const key = await this.#tree.keyOf(artifact.slot);
    const bytes = openBytes(key, contextOf(artifact), artifact.sealed);
    key.fill(0);
    const privateKey = createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
    bytes.fill(0);
    const pair = { privateKey, publicKey: createPublicKey(privateKey), at: this.#clock.now() };
    this.#pairs.set(name, pair);
    return pair;
  }

  /**
   * Forgets what is older than a minute; called by a timer, so that an idle process forgets too. The bytes of a key pair are
   * OpenSSL's, which clears them when nobody uses the pair any more.
   */
  dropOld(): void {
    for (const [name, kept] of this.#remembered) {
      if (this.#isYoung(kept)) continue;
      kept.value.fill(0);
      this.#remembered.delete(name);
    }
    for (const [name, kept] of this.#pairs) {
      if (!this.#isYoung(kept)) this.#pairs.delete(name);
    }
  }

  /** Forgets everything, as `dropOld` does. */
  drop(): void {
    for (const kept of this.#remembered.values()) kept.value.fill(0);
    this.#remembered.clear();
    this.#pairs.clear();
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
