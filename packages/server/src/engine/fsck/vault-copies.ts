import type { Engine } from '../context.ts';
import type { Findings } from './findings.ts';

/** What `Vault.inspect` says of a file, and under which code it is reported. */
const codes = { missing: 'vault_copy_missing', damaged: 'vault_copy_damaged' } as const;

/**
 * Every folder of the vault has every file whole. What a seal or an expiry is just writing or destroying looks the same
 * as damage; both hold the lock of the topmost row, so what looks wrong is looked at once more under it.
 */
export async function checkCopies({ vault, store }: Engine, findings: Findings): Promise<void> {
  if ((await vault.inspect()).length === 0) return;
  const found = await store.write(async (tx) => {
    await tx.keys.lockTop();
    return await vault.inspect();
  });
  for (const { folder, file, problem } of found) findings.problem(codes[problem], `folder ${folder}: ${file}`);
}
