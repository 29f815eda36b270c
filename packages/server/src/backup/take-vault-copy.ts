import { chmod } from 'node:fs/promises';
import { AppError } from '../model/errors.ts';
import type { KeyStore, TopRow } from '../model/key-store.ts';
import { copyVault, destroyVaultCopy } from '../vault/copy-vault.ts';
import { type Folder, openFolder } from '../vault/folder.ts';
import { NewFolder, writing } from './new-folder.ts';

export type TakeVaultCopyOptions = {
  keyStore: KeyStore;
  /** The folders of the vault. */
  folders: readonly Folder[];
  /** Throws unless the topmost page of this row opens under the root key that the copy in this folder has. */
  proveOpens(dir: string, top: TopRow): Promise<void>;
  /** Ends the copy, which then leaves nothing, with the signal's reason. */
  signal: AbortSignal;
};

/** What a finished copy of the vault opens, and how many files it has. */
export type VaultCopy = { archiveId: string; generation: number; files: number };

/** A name that a vault takes for temporary, and so for nothing. */
const claimFile = 'copying.tmp';

/**
 * Copies the vault into a folder that is new or empty, as it is at one instant at which no seal or expiry runs, and proves
 * that the copy opens the database as it was then.
 *
 * It holds the root keys. Throws `input_invalid` for a folder that is not empty, `store_failed` or the vault's own
 * errors where it cannot be written or read. A copy that fails is destroyed; one that is cut by a crash is no vault.
 */
export async function takeVaultCopy(dir: string, options: TakeVaultCopyOptions): Promise<VaultCopy> {
  const folder = await NewFolder.open(dir, claimFile);
  const target = openFolder(folder.path);
  try {
    return await writing(async () => {
      // One that was there may have been open to others.
      await chmod(folder.path, 0o700);
      const { top, files } = await copyAt(target, options);
      await options.proveOpens(folder.path, top);
      await target.destroy(claimFile);
      await target.sync();
      return { archiveId: top.archiveId, generation: top.generation, files };
    });
  } catch (error) {
    await destroyVaultCopy(target);
    await folder.discard([]);
    throw error;
  }
}

async function copyAt(target: Folder, options: TakeVaultCopyOptions): Promise<{ top: TopRow; files: number }> {
  let locked: TopRow | undefined;
  const files = await copyVault({
    folders: options.folders,
    target,
    signal: options.signal,
    underLock: async (work) =>
      await options.keyStore.writeFresh(async (tx) => {
        locked = await tx.lockTop();
        return await work();
      }),
  });
  if (locked === undefined) throw new AppError('damage', { detail: 'the archive row is missing' });
  return { top: locked, files };
}
