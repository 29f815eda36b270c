import type { StoreReads, StoreTx } from '../model/store.ts';
import type { ApiClient } from '../model/tenant.ts';
import { changeOne, insertOne } from './changes.ts';
import { fromClient, toClient, toJson } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function clientReads(session: Session): StoreReads['clients'] {
  const clients = () => session.builder.selectFrom('client').selectAll();
  return {
    find: (id) => findClient(session, id, ''),
    /** By id. */
    async list(tenantId) {
      return (await clients().where('tenant_id', '=', tenantId).orderBy('id').execute()).map(toClient);
    },
  };
}

/** The statement ends with `lock`. */
async function findClient(session: Session, id: string, lock: string): Promise<ApiClient | undefined> {
  const row = await session.first<Row<'client'>>(`SELECT * FROM client WHERE id = ? ${lock}`, [id]);
  return row && toClient(row);
}

export function clientWrites(session: Session): StoreTx['clients'] {
  return {
    ...clientReads(session),
    find: (id) => findClient(session, id, session.dialect.lock.alone),
    async insert(client) {
      await insertOne(session, 'client', fromClient(client));
    },
    /** Throws Bug where there is no such client. */
    async update(id, change) {
      const columns = {
        secret_hash: change.secretHash,
        scopes: change.scopes && toJson(change.scopes),
        version: change.version,
        expires_at: change.expiresAt,
        disabled_at: change.disabledAt,
        old_secret_hash: change.oldSecretHash,
        old_expires_at: change.oldExpiresAt,
        last_used_at: change.lastUsedAt,
      };
      await changeOne(session, { table: 'client', by: 'id', key: id }, columns);
    },
  };
}
