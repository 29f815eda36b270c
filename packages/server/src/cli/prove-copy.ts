import type { Engine } from '../engine/context.ts';
import { AppError, hasCode } from '../model/errors.ts';
import type { TopRow } from '../model/key-store.ts';

/**
 * Proves that the topmost page of a database copy opens under the root key that the vault has for it now.
 *
 * Where a seal came while the copy was made, its key may be on its way already: `locked` when it exists only sealed to the
 * recovery key, `expired` when it is gone under horizon 0, where no backup opens for longer. Gone under any other horizon it
 * is `backup_expired`: the copy took longer than the horizon. Otherwise throws what the tree throws for a page that does not
 * open.
 */
export async function proveCopy(
  engine: Pick<Engine, 'store' | 'tree' | 'vault'>,
  { horizonMs }: { horizonMs: number },
  top: TopRow,
): Promise<'opens' | 'locked' | 'expired'> {
  // A key that this process remembers is not one that the vault has.
  engine.tree.dropCaches();
  const isCurrent = (await engine.store.reads.keys.readTop())?.keyId === top.keyId;
  const { keys } = await engine.vault.current({ afresh: true });
  if (!isCurrent && !keys.some((key) => key.id === top.keyId)) {
    if (horizonMs === 0) return 'expired';
    throw new AppError('backup_expired', { detail: 'its root key ended while it was taken' });
  }
  try {
    (await engine.tree.openTop(top)).fill(0);
    return 'opens';
  } catch (error) {
    if (isCurrent || !hasCode(error, 'key_locked')) throw error;
    return 'locked';
  }
}
