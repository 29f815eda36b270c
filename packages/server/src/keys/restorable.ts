import { AppError } from '../model/errors.ts';
import type { TopRow } from '../model/key-store.ts';
import type { Vault, VaultState } from '../model/vault.ts';
import { associatedDataOf, nodeKeyCrypto, pageDamage, standardShape, topPlace } from './page.ts';
import { newestIn, refuseForeign } from './restored.ts';
import { clockOf } from './root-key-clocks.ts';

/**
 * Refuses a copy of the database that cannot be restored with this vault, and says why: of another archive, or newer
 * than the vault (`archive_mismatch`), or past its horizon (`backup_expired`), also where its root key is still there
 * only because nobody was running to destroy it.
 */
export function refuseUnrestorable(
  state: VaultState,
  top: Pick<TopRow, 'archiveId' | 'keyId' | 'generation'>,
  at: { now: number; horizonMs: number },
): void {
  refuseForeign(state, top);
  const newest = newestIn(state);
  if (newest < top.generation) {
    throw new AppError('archive_mismatch', {
      message: 'The vault is older than the database: it cannot know what was erased since, and lacks its root key',
      detail: `the vault ends at seal ${newest}, the database stands at ${top.generation}`,
    });
  }
  const key = state.keys.find((one) => one.id === top.keyId);
  if (key === undefined) {
    throw new AppError('backup_expired', { detail: `the root key of seal ${top.generation} was destroyed` });
  }
  if (state.heads.at(-1)?.keyId === top.keyId) return;
  const clock = clockOf(key, state.heads);
  if (clock === undefined || clock + at.horizonMs > at.now) return;
  const ended = new Date(clock + at.horizonMs).toISOString();
  throw new AppError('backup_expired', { detail: `its horizon ended at ${ended}` });
}

/**
 * Opens the topmost page of a copy under the root key that it names, and forgets it again. Throws `backup_expired`
 * where the vault has no such key, `key_locked` where only the recovery identity opens it, `damage` where the page does
 * not open under it.
 */
export async function proveCopy(vault: Vault, top: Pick<TopRow, 'keyId' | 'generation' | 'page'>): Promise<void> {
  const rootKey = await vault.open(top.keyId, top.generation);
  if (rootKey === undefined) throw new AppError('backup_expired');
  const place = topPlace(standardShape);
  const keys = nodeKeyCrypto.open(rootKey, associatedDataOf(place), top.page);
  rootKey.fill(0);
  if (keys === undefined) throw pageDamage(place, 'of the copy does not open');
  keys.fill(0);
}
