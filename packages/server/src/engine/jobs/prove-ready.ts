import { AppError } from '../../model/errors.ts';
import { signingKeys } from '../access/signing-key.ts';
import type { Engine } from '../context.ts';

/**
 * Proves that this process can do its work: a write transaction begins and ends, the vault answers, a secret opens.
 * Throws what stands in the way (`store_failed`, `store_busy`, `vault_unreachable`, `damage`).
 *
 * Space on the disk is not asked for: without it everything that was archived can still be read, and a load balancer
 * that took this process away would take that too.
 */
export async function proveReady(engine: Engine): Promise<void> {
  await engine.store.write(async () => undefined);
  const { archiveId } = await engine.vault.current();
  if (archiveId === undefined) throw new AppError('vault_unreachable', { detail: 'the vault has no archive file' });
  await signingKeys(engine);
}
