import { AppError } from '../model/errors.ts';
import type { VaultState } from '../model/vault.ts';

/**
 * True where the vault has seen this archive at a later seal than it is at in a database: it is an older copy, or the archive has
 * moved on from there. Throws `archive_mismatch` for a vault of another archive, and for an empty one.
 */
export function hasSeenNewer(
  vault: Pick<VaultState, 'archiveId' | 'heads'>,
  archive: { archiveId: string; generation: number },
): boolean {
  if (vault.archiveId !== archive.archiveId) {
    throw new AppError('archive_mismatch', { detail: vault.archiveId ? 'archive ids differ' : 'the vault is empty' });
  }
  return (vault.heads.at(-1)?.generation ?? 0) > archive.generation;
}
