import type { KeyTree } from '../keys/key-tree.ts';
import { openBytes, sealBytes } from '../keys/sealing.ts';
import type { Clock } from '../lib/clock.ts';
import type { Artifact, SecretKind } from '../model/call.ts';
import { AppError } from '../model/errors.ts';
import type { Store, StoreTx } from '../model/store.ts';
import type { Epoch } from '../model/token-store.ts';

/** Opened secrets are remembered at most this long. */
const lifeMs = 60_000;

/** Tenant part of the seal context for what belongs to the archive itself. */
const archiveTenant = 'archive';

/**
 * Secrets that the server made for itself: index keys, tombstone keys, token-signing keys. Each is sealed under a slot
 * of its own, so that the tree's root is the root of everything; opened ones are remembered for at most a minute.
 */
export class Secrets {
  readonly #store: Store;
  readonly #tree: KeyTree;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, { value: Buffer; at: number }>();

  constructor(options: { store: Store; tree: KeyTree; clock: Clock }) {
    this.#store = options.store;
    this.#tree = options.tree;
    this.#clock = options.clock;
  }

  /** A secret of a tenant or of the archive. Throws `damage` when there is none. */
  async open(ownerId: string, kind: SecretKind): Promise<Buffer> {
    return await this.#remember(`${kind}/${ownerId}`, async () => {
      const artifact = await this.#store.reads.artifacts.find(ownerId, kind);
      if (!artifact?.sealed) throw new AppError('damage', { detail: `${kind} of ${ownerId} is missing` });
      const key = await this.#tree.keyOf(artifact.slot);
      const value = openBytes(key, contextOf(artifact), artifact.sealed);
      key.fill(0);
      return value;
    });
  }

  /** The key of a token epoch. */
  async epochKey(epoch: Epoch): Promise<Buffer> {
    return await this.#remember(`epoch/${epoch.slot}`, async () => await this.#tree.keyOf(epoch.slot));
  }

  /** Forgets what is older than a minute; called by a timer, so that an idle process forgets too. */
  dropOld(): void {
    for (const [name, kept] of this.#remembered) {
      if (kept.at > this.#clock.now() - lifeMs) continue;
      kept.value.fill(0);
      this.#remembered.delete(name);
    }
  }

  async #remember(name: string, open: () => Promise<Buffer>): Promise<Buffer> {
    const kept = this.#remembered.get(name);
    if (kept && kept.at > this.#clock.now() - lifeMs) return kept.value;
    const value = await open();
    this.#remembered.set(name, { value, at: this.#clock.now() });
    return value;
  }
}

/** The row of a secret to be: it names the slot and holds nothing yet. */
export function secretRow(slot: number, tenantId: string | null, ownerId: string, kind: SecretKind): Artifact {
  return { slot, tenantId, ownerId, kind, sealed: null, blob: null, blobBytes: null };
}

/** Seals a secret whose row has been committed, and stores it. */
export async function sealSecret(tree: KeyTree, tx: StoreTx, row: Artifact, value: Uint8Array): Promise<void> {
  const key = await tree.keyOf(row.slot);
  await tx.artifacts.setSealed(row.slot, { sealed: sealBytes(key, contextOf(row), value) });
  key.fill(0);
}

/** What binds a sealing to its place: another owner's, tenant's or kind's sealing does not open here. */
export function contextOf(artifact: Pick<Artifact, 'tenantId' | 'ownerId' | 'kind'>) {
  return { tenantId: artifact.tenantId ?? archiveTenant, ownerId: artifact.ownerId, kind: artifact.kind };
}
