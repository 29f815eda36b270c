import type { Session } from './session.ts';
import type { Tables } from './tables.ts';

/**
 * Takes rows for this transaction, in the order of their ids; those that are not there are left out. Nothing where a write
 * transaction has the whole database.
 */
export async function lockRows(session: Session, table: keyof Tables, ids: readonly string[]): Promise<void> {
  const { lock, within, list } = session.dialect;
  if (lock.alone === '' || ids.length === 0) return;
  await session.rows(`SELECT id FROM ${table} WHERE ${within('id')} ORDER BY id ${lock.alone}`, [list(ids)]);
}
