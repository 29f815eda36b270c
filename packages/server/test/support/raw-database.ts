/** The database behind an archive's back, whichever it is: for tests that damage it, or look without the product. */
import Database from 'better-sqlite3';
import pg from 'pg';
import { databaseFile } from '../../src/app-places.ts';
import type { Config } from '../../src/config.ts';

/** Statements mark their parameters with `?`. Integers are read as numbers. */
export type RawDatabase = {
  rows<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** How many rows it changed. */
  change(sql: string, parameters?: readonly unknown[]): Promise<number>;
  close(): Promise<void>;
};

/** Opens it beside the archive. */
export async function rawDatabase(config: Config): Promise<RawDatabase> {
  if (config.database.kind === 'postgres') return await rawPostgres(config.database.url);
  const database = new Database(databaseFile(config.home), { timeout: 5000 });
  return {
    rows: async <Row extends object>(sql: string, parameters: readonly unknown[] = []) =>
      database.prepare<unknown[], Row>(sql).all(...parameters),
    change: async (sql, parameters = []) => database.prepare(sql).run(...parameters).changes,
    close: async () => void database.close(),
  };
}

async function rawPostgres(url: string): Promise<RawDatabase> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const numbered = (sql: string) => {
    let count = 0;
    return sql.replace(/\?/g, () => {
      count += 1;
      return `$${count}`;
    });
  };
  const types = { getTypeParser: (oid: number) => (oid === 20 ? Number : pg.types.getTypeParser(oid)) };
  const run = async (sql: string, values: readonly unknown[]) =>
    await client.query({ text: numbered(sql), values: [...values], types });
  return {
    rows: async (sql, parameters = []) => (await run(sql, parameters)).rows,
    change: async (sql, parameters = []) => (await run(sql, parameters)).rowCount ?? 0,
    close: async () => await client.end(),
  };
}

/**
 * Puts other bytes in place of a key page (by default noise of its length) and tells how to put it back. Throws where there
 * is no such page.
 */
export async function spoilPage(
  config: Config,
  place: number,
  other: (sealed: Buffer) => Buffer = (sealed) => Buffer.alloc(sealed.length),
): Promise<() => Promise<void>> {
  const database = await rawDatabase(config);
  try {
    const [page] = await database.rows<{ sealed: Buffer }>('SELECT sealed FROM key_page WHERE place = ?', [place]);
    if (page === undefined) throw new Error('there is no such page');
    const { sealed } = page;
    await database.change('UPDATE key_page SET sealed = ? WHERE place = ?', [other(sealed), place]);
    return async () => await put(config, place, sealed);
  } finally {
    await database.close();
  }
}

async function put(config: Config, place: number, sealed: Buffer): Promise<void> {
  const database = await rawDatabase(config);
  await database.change('UPDATE key_page SET sealed = ? WHERE place = ?', [sealed, place]);
  await database.close();
}
