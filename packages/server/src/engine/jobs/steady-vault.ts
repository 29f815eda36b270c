import type { Vault } from '../../model/vault.ts';

/** The same vault, which `refuse` is asked before: where it throws, nothing is asked of the vault. */
export function steadyVault(vault: Vault, refuse: () => void): Vault {
  const asking = async <T>(ask: () => Promise<T>): Promise<T> => {
    refuse();
    return await ask();
  };
  return {
    hasRecoveryKey: vault.hasRecoveryKey,
    create: async (archiveId) => await asking(async () => await vault.create(archiveId)),
    current: async (options) => await asking(async () => await vault.current(options)),
    open: async (keyId, generation) => await asking(async () => await vault.open(keyId, generation)),
    write: async (next) => await asking(async () => await vault.write(next)),
    readSegment: async (name) => await asking(async () => await vault.readSegment(name)),
    retire: async (head) => await asking(async () => await vault.retire(head)),
    lockAway: async (names) => await asking(async () => await vault.lockAway(names)),
    expire: async (gone) => await asking(async () => await vault.expire(gone)),
    recover: async () => await asking(async () => await vault.recover()),
    inspect: async () => await asking(async () => await vault.inspect()),
  };
}
