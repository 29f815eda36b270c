import type { StoreReads, StoreTx } from '../model/store.ts';
import { changeOne, insertOne } from './changes.ts';
import { fromClient, toClient } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function clientReads(session: Session): StoreReads['clients'] {
  const clients = () => session.builder.selectFrom('client').selectAll();
  return {
    async find(id) {
      const row = await session.first<Row<'client'>>('SELECT * FROM client WHERE id = ?', [id]);
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
      await insertOne(session, 'client', fromClient(client));
    },
    /** Throws Bug where there is no such client. */
    async update(id, change) {
      const columns = {
        secret_hash: change.secretHash,
        version: change.version,
        expires_at: change.expiresAt,
        disabled_at: change.disabledAt,
      };
      await changeOne(session, { table: 'client', by: 'id', key: id }, columns);
    },
  };
}
