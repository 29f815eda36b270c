import { describe, it } from 'vitest';
import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { storeContract } from '../contracts/store.contract.ts';
import { postgresServer } from '../support/postgres.ts';
import { openNewPostgresStore } from '../support/postgres-stores.ts';
import { slotNaming } from '../support/store-rows.ts';

const server = postgresServer();

if (server === undefined) {
  describe('postgres', () => {
    it('passes the contracts', (context) => {
      context.skip('no PostgreSQL server; start one: eval "$(scripts/test-servers start)"');
    });
  });
} else {
  storeContract({ name: 'postgres', open: async () => await openNewPostgresStore(server), isFile: false });

  keyStoreContract('postgres', async () => {
    const { store, close } = await openNewPostgresStore(server);
    return { keyStore: store.keyStore, close, nameSlots: slotNaming(store) };
  });
}
