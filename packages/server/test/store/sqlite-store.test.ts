import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { storeContract } from '../contracts/store.contract.ts';
import { openNewStore } from '../support/store-homes.ts';
import { addTenant, artifactOf, callOf, id } from '../support/store-rows.ts';

storeContract({ name: 'sqlite', open: openNewStore, skips: [] });

keyStoreContract('sqlite', async () => {
  const { store, close } = await openNewStore();
  return {
    keyStore: store.keyStore,
    close,
    /** Every other one by a token epoch, the rest by artifacts. */
    nameSlots: async (slots) => {
      const tenant = await addTenant(store);
      const call = callOf(tenant);
      await store.write(async (tx) => {
        await tx.artifacts.insert(slots.filter((_, i) => i % 2 === 0).map((slot) => artifactOf(call, slot)));
        for (const slot of slots.filter((_, i) => i % 2 === 1)) {
          await tx.tokens.insertEpoch({ id: id(), tenantId: tenant.id, number: slot, slot });
        }
      });
    },
  };
});
