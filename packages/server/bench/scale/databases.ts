import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database that nobody else knows, and a connection to it. */
export class PlainDatabase {
  readonly url: string;
  readonly client: pg.Client;
  readonly #server: string;
  readonly #name: string;

  private constructor(server: string, name: string) {
    const url = new URL(server);
    url.pathname = `/${name}`;
    this.url = url.href;
    this.client = new pg.Client({ connectionString: this.url });
    this.#server = server;
    this.#name = name;
  }

  /** Makes it, empty, on the server of which this is the address of any database. */
  static async make(server: string): Promise<PlainDatabase> {
    const name = `tacet_bench_${randomBytes(8).toString('hex')}`;
    await ask(server, `CREATE DATABASE ${name} TEMPLATE template0`);
    const database = new PlainDatabase(server, name);
    await database.client.connect();
    return database;
  }

  /** Drops it, with every connection that is left. */
  async remove(): Promise<void> {
    await this.client.end();
    await ask(this.#server, `DROP DATABASE IF EXISTS ${this.#name} WITH (FORCE)`);
  }
}

/** Asks a server on a connection of its own. The caller names the shape of the rows. */
export async function ask<Row extends pg.QueryResultRow>(server: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
