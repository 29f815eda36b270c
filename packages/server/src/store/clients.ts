import type { StoreReads, StoreTx } from '../model/store.ts';
import { changeOne, isEmpty } from './changes.ts';
import { fromClient, toClient } from './rows.ts';
import type { Session } from './session.ts';

export function clientReads(session: Session): StoreReads['clients'] {
  const clients = () => session.builder.selectFrom('client').selectAll();
  return {
    async find(id) {
      const row = await clients().where('id', '=', id).executeTakeFirst();
      return row && toClient(row);
    },
    /** By id. */
    async list(tenantId) {
      return (await clients().where('tenant_id', '=', tenantId).orderBy('id').execute()).map(toClient);
    },
  };
}

export function clientWrites(session: Session): StoreTx['clients'] {
  return {
    ...clientReads(session),
    async insert(client) {
      await session.builder.insertInto('client').values(fromClient(client)).execute();
    },
    /** Throws Bug where there is no such client. */
    async update(id, change) {
      const columns = {
        secret_hash: change.secretHash,
        version: change.version,
        expires_at: change.expiresAt,
        disabled_at: change.disabledAt,
      };
      if (!isEmpty(columns)) await changeOne(session.builder.updateTable('client').set(columns).where('id', '=', id));
    },
  };
}
