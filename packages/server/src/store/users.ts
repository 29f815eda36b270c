import { Bug } from '../model/errors.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import type { User } from '../model/tenant.ts';
import { toUser } from './campaign-rows.ts';
import { changeOne, insertOne } from './changes.ts';
import { toJson } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function userReads(session: Session): StoreReads['users'] {
  return {
    find: (by) => findUser(session, by, ''),
    async withLogin(login) {
      const sql = 'SELECT * FROM account WHERE login = ? ORDER BY number';
      return (await session.rows<Row<'account'>>(sql, [login])).map(toUser);
    },
    async list(tenantId) {
      const sql = 'SELECT * FROM account WHERE tenant_id = ? ORDER BY number';
      return (await session.rows<Row<'account'>>(sql, [tenantId])).map(toUser);
    },
    async page(afterNumber, limit) {
      const sql = 'SELECT * FROM account WHERE number > ? ORDER BY number LIMIT ?';
      return (await session.rows<Row<'account'>>(sql, [afterNumber, limit])).map(toUser);
    },
  };
}

type By = Parameters<StoreReads['users']['find']>[0];

/** The statement ends with `lock`. */
async function findUser(session: Session, by: By, lock: string): Promise<User | undefined> {
  const { condition, values } = conditionOf(by);
  const row = await session.first<Row<'account'>>(`SELECT * FROM account WHERE ${condition} ${lock}`, values);
  return row && toUser(row);
}

function conditionOf(by: By) {
  if ('id' in by) return { condition: 'id = ?', values: [by.id] };
  if ('number' in by) return { condition: 'number = ?', values: [by.number] };
  return { condition: 'login = ? AND tenant_id = ?', values: [by.login, by.tenantId] };
}

export function userWrites(session: Session): StoreTx['users'] {
  const reads = userReads(session);
  return {
    ...reads,
    find: (by) => findUser(session, by, session.dialect.lock.alone),
    async insert(user) {
      await insertOne(session, 'account', {
        id: user.id,
        tenant_id: user.tenantId,
        login: user.login,
        password_hash: user.passwordHash,
        scopes: toJson(user.scopes),
        version: user.version,
        created_at: user.createdAt,
        disabled_at: user.disabledAt,
        last_used_at: user.lastUsedAt,
      });
      const inserted = await reads.find({ id: user.id });
      if (inserted === undefined) throw new Bug('a user just added is not there');
      return inserted;
    },
    /** Throws Bug where there is no such user. */
    async update(id, change) {
      const columns = {
        login: change.login,
        password_hash: change.passwordHash,
        scopes: change.scopes && toJson(change.scopes),
        version: change.version,
        disabled_at: change.disabledAt,
        last_used_at: change.lastUsedAt,
      };
      await changeOne(session, { table: 'account', by: 'id', key: id }, columns);
    },
  };
}
