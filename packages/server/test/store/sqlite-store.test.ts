import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { storeContract } from '../contracts/store.contract.ts';
import { openNewStore } from '../support/store-homes.ts';
import { slotNaming } from '../support/store-rows.ts';

storeContract({ name: 'sqlite', open: openNewStore, isFile: true });

keyStoreContract('sqlite', async () => {
  const { store, close } = await openNewStore();
  return {
    keyStore: store.keyStore,
    close,
    nameSlots: slotNaming(store),
  };
});
