import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { openMemoryKeyStore } from './memory-key-store.ts';

keyStoreContract('memory', async () => {
  const { store } = openMemoryKeyStore({ topLevel: 4 });
  return {
    keyStore: store,
    close: async () => {},
    nameSlots: async (slots) =>
      await store.transact(
        async (tx) =>
          await tx.rows.insert(
            slots.map((slot) => ({ instance: `row ${slot}`, slot, ownerId: 'call', kind: 'details', sealed: null })),
          ),
      ),
  };
});
