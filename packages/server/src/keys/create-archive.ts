import type { Clock } from '../lib/clock.ts';
import type { KeyTx } from '../model/key-store.ts';
import type { RootKeyName, Vault, VaultState } from '../model/vault.ts';
import type { KeyTree } from './key-tree.ts';
import { type KeyCrypto, keyBytes } from './page.ts';
import { newestIn } from './restored.ts';

/**
 * Makes the archive where there is none: the vault, its first root key and, in the transaction, the topmost row. Under the
 * lock of that row. A vault that a creation cut short has left is taken, with its archive id.
 *
 * @param newArchiveId used when the vault is empty.
 */
export async function createArchive(
  { vault, tree, clock }: { vault: Vault; tree: KeyTree; clock: Clock },
  tx: KeyTx,
  newArchiveId: string,
): Promise<void> {
  const state = await vault.current();
  const archiveId = state.archiveId ?? newArchiveId;
  await vault.create(archiveId);
  const name = newRootKeyName(tree.crypto, state, 0);
  const key = tree.crypto.random(keyBytes);
  const sealedAt = clock.now();
  const page = tree.sealTop(tree.emptyTop(), key);
  try {
    await vault.write({ name, key, entries: [] });
  } finally {
    key.fill(0);
  }
  const seal = { keyId: name.id, generation: name.generation, sealedAt };
  await tx.createTop({ ...seal, archiveId, isRestoring: false, nextLeaf: 0, page });
  await tx.recordSeal(seal);
}

/** A name never given before; its generation is one more than the highest in row or vault, a stray key's included. */
export function newRootKeyName(crypto: KeyCrypto, state: VaultState, generation: number): RootKeyName {
  return {
    id: crypto.random(16).toString('hex'),
    generation: Math.max(generation, newestIn(state)) + 1,
  };
}
