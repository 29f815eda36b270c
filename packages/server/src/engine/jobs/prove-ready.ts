import { signingKeys } from '../access/signing-key.ts';
import type { Engine } from '../context.ts';

/**
 * Proves that this process can do its work: the database is still the one that it opened, the vault shows the current root
 * key, the blob store is there and ours, a write transaction begins and ends, a secret opens. Throws what stands in the way (`store_failed`, `store_busy`,
 * `vault_unreachable`, `blob_failed`, `damage`).
 *
 * Vault and blob store are looked at no more often than `Reach` allows, however often this is asked.
 *
 * Space on the disk is not asked for: without it everything that was archived can still be read, and a load balancer
 * that took this process away would take that too.
 */
export async function proveReady(engine: Engine): Promise<void> {
  // First: a database that is lost is waited for by those who use it, and not by those who ask.
  await engine.reach.prove();
  await engine.store.write(async () => undefined);
  await signingKeys(engine);
}
