import type { Clock } from '../lib/clock.ts';
import { type Log, silentLog } from '../lib/log.ts';
import { AppError } from '../model/errors.ts';
import type { Database } from './database.ts';
import { type FoundDatabase, lookAt } from './found-database.ts';
import type { Migration } from './migrations/migration.ts';
import type { Session } from './session.ts';

/** Any number that no other lock of the database has: "tacet" in ASCII. Whoever migrates has it until the commit. */
export const migrationLock = 0x7461636574;

/** How long a migration of another process is waited for: a large table may take minutes. */
const turnMsMax = 10 * 60_000;

export type MigrateOptions = {
  /** Shown what is there before anything is changed; throws for what must stay as it is. */
  refuse?: (found: FoundDatabase) => Promise<void>;
  /** Told where another process is waited for. */
  log?: Log;
};

/**
 * Brings the schema to the last of `migrations`, each in a transaction of its own. Returns the names of those that ran.
 *
 * Any number of processes may do so at once: each migration is claimed by its row in the ledger, which is written first.
 * On PostgreSQL they wait for each other, ten minutes at the most, and then throw `store_busy`. Throws `store_newer`, and
 * changes nothing, when the ledger knows a migration that this program does not.
 */
export async function migrate(
  db: Database,
  migrations: readonly Migration[],
  clock: Clock,
  { refuse, log = silentLog }: MigrateOptions = {},
): Promise<string[]> {
  const waiting = sayingOnce(log);
  // In its turn too: a migration under way may have locked the tables that are looked at.
  const found = await db.writeAlone(async (session) => {
    await takeTurn(session, waiting);
    return await lookAt(session);
  });
  refuseNewer(found.ledger, migrations);
  await refuse?.(found);
  const applied: string[] = [];
  for (const migration of migrations.filter(({ name }) => !found.ledger.has(name))) {
    const isApplied = await db.writeAlone(async (session) => {
      await takeTurn(session, waiting);
      return await apply(session, migration, { migrations, at: clock.now() });
    });
    if (isApplied) applied.push(migration.name);
  }
  return applied;
}

/** Throws `store_newer` for a schema that has seen a migration which this program does not know. */
export function refuseNewer(ledger: ReadonlySet<string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = [...ledger].filter((name) => !known.has(name));
  if (unknown.length > 0) throw new AppError('store_newer', { detail: `unknown migrations: ${unknown.join(', ')}` });
}

/** False where another process has done it meanwhile. */
async function apply(
  session: Session,
  migration: Migration,
  { migrations, at }: { migrations: readonly Migration[]; at: number },
): Promise<boolean> {
  const { text, integer, heap } = session.dialect.schema;
  const sql = `CREATE TABLE IF NOT EXISTS migration (name ${text} NOT NULL PRIMARY KEY, applied_at ${integer} NOT NULL) ${heap}`;
  await session.change(sql, []);
  const { ledger } = await lookAt(session);
  refuseNewer(ledger, migrations);
  if (ledger.has(migration.name)) return false;
  await session.builder.insertInto('migration').values({ name: migration.name, applied_at: at }).execute();
  for (const statement of migration.statements(session.dialect.schema)) await session.change(statement, []);
  return true;
}

/**
 * Has processes that migrate do so one after the other: two that create the same table at once would fail, not wait. Held
 * until the transaction ends. On SQLite a write transaction has the whole database anyway.
 */
async function takeTurn(session: Session, waiting: () => void): Promise<void> {
  if (session.dialect.name === 'sqlite') return;
  const sql = `SELECT pg_try_advisory_xact_lock(${migrationLock}) AS "isTaken"`;
  if ((await session.first<{ isTaken: boolean }>(sql, []))?.isTaken) return;
  waiting();
  const usual = await session.first<{ timeout: string }>(`SELECT current_setting('lock_timeout') AS timeout`, []);
  // Longer than statements wait for each other: whoever has the lock works, however long that takes.
  await session.change(`SET LOCAL lock_timeout = ${turnMsMax}`, []);
  await session.rows(`SELECT pg_advisory_xact_lock(${migrationLock})`, []);
  await session.rows(`SELECT set_config('lock_timeout', ?, true)`, [usual?.timeout ?? '0']);
}

/** One line, however many turns have to be waited for. */
function sayingOnce(log: Log): () => void {
  let isSaid = false;
  return () => {
    if (!isSaid) log.info('migration.waiting');
    isSaid = true;
  };
}
