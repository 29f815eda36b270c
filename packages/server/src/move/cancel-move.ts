import { AppError } from '../model/errors.ts';
import type { MoveMark } from '../model/move.ts';
import type { VaultState } from '../model/vault.ts';
import type { MovingDatabase } from '../store/moving-database.ts';
import { hasSeenNewer } from './vault-sight.ts';

/**
 * Opens the source of an unfinished move again. Throws `input_invalid` where no move has closed it, `archive_mismatch` for a
 * vault that is not the archive's, and `archive_moved` from the moment on in which the vault's head stands at the target's
 * first seal: then the archive is there. Before it the seal may be committed, but the target alone knows, and nobody opens it.
 *
 * @param vault read from every copy of it, once the source was held alone: one that lags behind must not tell of less.
 */
export async function cancelMove(
  source: MovingDatabase,
  vault: Pick<VaultState, 'archiveId' | 'heads'>,
): Promise<void> {
  const [mark, archive] = [await source.mark(), await source.archive()];
  if (mark?.state !== 'moved' || archive === undefined) {
    throw new AppError('input_invalid', { message: 'No move has closed this database; there is nothing to cancel' });
  }
  if (hasSeenNewer(vault, archive)) throw tooLate(mark);
  await source.stay();
}

function tooLate({ place }: MoveMark): AppError {
  const message = `Too late to cancel: the archive was sealed in ${place}, and is there; if the move has not ended, run it again`;
  return new AppError('archive_moved', { message });
}
