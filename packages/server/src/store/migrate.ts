import type { Clock } from '../lib/clock.ts';
import { AppError } from '../model/errors.ts';
import type { Database } from './database.ts';
import type { Migration } from './migrations/migration.ts';
import type { Session } from './session.ts';

/** Any number that no other lock of the database has: "tacet" in ASCII. */
const migrationLock = 0x7461636574;

/**
 * Brings the schema to the last of `migrations`, each in a transaction of its own. Returns the names of those that ran.
 *
 * Any number of processes may do so at once: each migration is claimed by its row in the ledger, which is written first.
 * Throws `store_newer`, and changes nothing, when the ledger knows a migration that this program does not.
 */
export async function migrate(db: Database, migrations: readonly Migration[], clock: Clock): Promise<string[]> {
  const applied: string[] = [];
  for (const migration of migrations) {
    const isApplied = await db.writeAlone(async (session) => {
      const ledger = await readLedger(session);
      refuseNewer(ledger, migrations);
      if (ledger.has(migration.name)) return false;
      const row = { name: migration.name, applied_at: clock.now() };
      await session.builder.insertInto('migration').values(row).execute();
      for (const statement of migration.statements(session.dialect.schema)) await session.change(statement, []);
      return true;
    });
    if (isApplied) applied.push(migration.name);
  }
  return applied;
}

async function readLedger(session: Session): Promise<Set<string>> {
  const { text, integer, heap } = session.dialect.schema;
  const { advisory } = session.dialect;
  // Of several processes one after the other: two that create the same table at once would fail, not wait.
  if (advisory) await session.rows(advisory('alone'), [session.dialect.list([migrationLock])]);
  const sql = `CREATE TABLE IF NOT EXISTS migration (name ${text} NOT NULL PRIMARY KEY, applied_at ${integer} NOT NULL) ${heap}`;
  await session.change(sql, []);
  const rows = await session.builder.selectFrom('migration').select('name').execute();
  return new Set(rows.map((row) => row.name));
}

function refuseNewer(ledger: ReadonlySet<string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = [...ledger].filter((name) => !known.has(name));
  if (unknown.length > 0) throw new AppError('store_newer', { detail: `unknown migrations: ${unknown.join(', ')}` });
}
