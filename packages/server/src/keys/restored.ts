import { AppError } from '../model/errors.ts';
import type { KeyTx, TopRow } from '../model/key-store.ts';
import type { RootKeyName, Vault, VaultState } from '../model/vault.ts';
import { notShown } from './root-key-lookup.ts';

/**
 * Refuses a database that is not the one its vault has last seen (DESIGN section 3, "Journal and restore").
 *
 * It has been restored when the vault's head is newer than its row, when a segment holds an entry that it lacks (a seal
 * may have died between its commit and its head), when the key that its row names was locked away (which is done only to
 * keys that no row names), or when a restore of it has begun and not ended. Throws `archive_mismatch` for another
 * archive's vault and `archive_restored` for a restored database.
 */
export async function refuseRestored(vault: Vault, state: VaultState, tx: KeyTx, top: TopRow): Promise<void> {
  refuseForeign(state, top);
  if (top.isRestoring) throw new AppError('archive_restored', { detail: 'a restore began and has not ended' });
  if (state.keys.some((key) => key.id === top.keyId && key.isLocked)) {
    throw new AppError('archive_restored', { detail: 'the database names a root key that was locked away' });
  }
  const head = state.heads.at(-1);
  if (head === undefined) return;
  if (head.generation > top.generation) {
    throw new AppError('archive_restored', {
      detail: `the vault has seen seal ${head.generation}, the database ${top.generation}`,
    });
  }
  for (const segment of await unseenSegments(state, tx)) {
    const lacking = await lackingEntries(vault, segment, tx);
    if (lacking.length > 0) {
      throw new AppError('archive_restored', { detail: `the database lacks entries of segment ${segment.generation}` });
    }
  }
}

/** Throws `archive_mismatch` unless vault and database carry one archive id. */
export function refuseForeign(state: VaultState, top: Pick<TopRow, 'archiveId'>): void {
  if (state.archiveId === top.archiveId) return;
  const detail = state.archiveId === undefined ? 'the vault is empty' : 'archive ids differ';
  throw new AppError('archive_mismatch', { detail });
}

/** The error for a database without an archive, where the vault has seen one. */
export function lostDatabase(): AppError {
  return new AppError('archive_restored', { detail: 'the vault has seals of a database that is not here' });
}

/** True where the vault holds the root key that the row names, locked or not. */
export function isNamedShown(state: VaultState, top: Pick<TopRow, 'keyId'>): boolean {
  return state.keys.some((key) => key.id === top.keyId);
}

/**
 * The error for a vault that does not show the root key that the row names, however long one waits: an older vault than
 * the database, where nothing in it is as new as the row; otherwise one that may yet show it.
 */
export function notShownIn(state: VaultState, top: Pick<TopRow, 'keyId' | 'generation'>): AppError {
  if (newestIn(state) >= top.generation) return notShown(top);
  const message = 'The vault is older than the database: it lacks the root key that the database names';
  return new AppError('archive_mismatch', {
    message,
    detail: `the vault ends at seal ${newestIn(state)}, the database stands at ${top.generation}`,
  });
}

/** The highest generation of anything in the vault, a stray key included; 0 for an empty one. */
export function newestIn(state: VaultState): number {
  return [...state.keys, ...state.segments, ...state.heads].reduce((most, one) => Math.max(most, one.generation), 0);
}

/** Segments whose seal this database does not know: of a seal that died before its commit, or of a lost future. */
async function unseenSegments(state: VaultState, tx: KeyTx): Promise<RootKeyName[]> {
  const seals = state.segments.map(({ id, generation }) => ({ keyId: id, generation }));
  const known = await tx.knownSeals(seals);
  return state.segments.filter((segment) => !known.has(segment.id));
}

/** Entries of a segment that the database's journal does not have. */
async function lackingEntries(vault: Vault, segment: RootKeyName, tx: KeyTx) {
  const entries = await vault.readSegment(segment);
  const known = await tx.knownJournalIds(entries.map((entry) => entry.id));
  return entries.filter((entry) => !known.has(entry.id));
}
