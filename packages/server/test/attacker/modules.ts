import { pathToFileURL } from 'node:url';

/** Where the modules under test lie: the real ones, or a mutated copy. */
export type Modules = {
  page: typeof import('../../src/keys/page.ts');
  keyTree: typeof import('../../src/keys/key-tree.ts');
  rootKeys: typeof import('../../src/keys/root-keys.ts');
  restore: typeof import('../../src/keys/restore.ts');
  slotIssuer: typeof import('../../src/keys/slot-issuer.ts');
  tokenEpochs: typeof import('../../src/keys/token-epochs.ts');
  journalEntries: typeof import('../../src/keys/journal-entries.ts');
  fileVault: typeof import('../../src/vault/file-vault.ts');
};

/** The modules of the product. */
export async function realModules(): Promise<Modules> {
  return {
    page: await import('../../src/keys/page.ts'),
    keyTree: await import('../../src/keys/key-tree.ts'),
    rootKeys: await import('../../src/keys/root-keys.ts'),
    restore: await import('../../src/keys/restore.ts'),
    slotIssuer: await import('../../src/keys/slot-issuer.ts'),
    tokenEpochs: await import('../../src/keys/token-epochs.ts'),
    journalEntries: await import('../../src/keys/journal-entries.ts'),
    fileVault: await import('../../src/vault/file-vault.ts'),
  };
}

/** The modules of a copy of `src`. The copy differs from the real one in behaviour, never in types. */
export async function modulesIn(folder: string): Promise<Modules> {
  const load = async (path: string): Promise<unknown> => await import(`${pathToFileURL(folder).href}/${path}`);
  return {
    page: await load('keys/page.ts'),
    keyTree: await load('keys/key-tree.ts'),
    rootKeys: await load('keys/root-keys.ts'),
    restore: await load('keys/restore.ts'),
    slotIssuer: await load('keys/slot-issuer.ts'),
    tokenEpochs: await load('keys/token-epochs.ts'),
    journalEntries: await load('keys/journal-entries.ts'),
    fileVault: await load('vault/file-vault.ts'),
  } as Modules;
}
