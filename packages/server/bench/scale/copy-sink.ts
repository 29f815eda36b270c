import pg from 'pg';
import type { BlobStore } from '../../src/model/blob-store.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { fromCall, toKindCode } from '../../src/store/rows.ts';
import type { BulkRows, BulkSink } from '../lib/bulk-sink.ts';
import { copyRows, type Row } from './copy-rows.ts';

/** Rows by COPY, each table on a connection of its own; recordings through the archive's own blob store. */
export class CopySink implements BulkSink {
  readonly #tenant: Tenant;
  readonly #blobs: BlobStore;
  readonly #clients: pg.Client[];
  /** Statements that make again what stood in the way of loading. */
  readonly #indexes: readonly string[];
  /** The rows that are being written while the next ones are made. */
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(
    { tenant, blobs }: { tenant: Tenant; blobs: BlobStore },
    clients: pg.Client[],
    indexes: readonly string[],
  ) {
    this.#tenant = tenant;
    this.#blobs = blobs;
    this.#clients = clients;
    this.#indexes = indexes;
  }

  static async open(url: string, archive: { tenant: Tenant; blobs: BlobStore }): Promise<CopySink> {
    const clients = ['call', 'artifact', 'token'].map(() => new pg.Client({ connectionString: url }));
    await Promise.all(clients.map(async (client) => await client.connect()));
    // Tokens come in no order: their indexes are made five times as fast from all of them at once.
    return new CopySink(archive, clients, await dropIndexes(clients[0], 'token'));
  }

  /** Resolves when the rows before these are written. */
  async write(rows: BulkRows): Promise<void> {
    await this.#writing;
    const tables = this.#tablesOf(rows);
    this.#writing = Promise.all(
      this.#clients.map(async (client, i) => {
        const [table, some] = tables[i] ?? ['', []];
        await copyRows(client, table, some);
      }),
    );
    // It is thrown by whoever waits for it next.
    this.#writing.catch(() => undefined);
  }

  async store(blob: string, sealed: Buffer): Promise<void> {
    const source = (async function* () {
      yield sealed;
    })();
    await this.#blobs.create(blob, source);
  }

  /** Resolves when all rows are written, and indexed. */
  async close(): Promise<void> {
    try {
      await this.#writing;
      await this.#clients[0]?.query("SET maintenance_work_mem = '512MB'");
      for (const index of this.#indexes) await this.#clients[0]?.query(index);
    } finally {
      await Promise.all(this.#clients.map(async (client) => await client.end()));
    }
  }

  #tablesOf({ calls, artifacts, tokens }: BulkRows): [table: string, rows: Row[]][] {
    return [
      ['call', calls.map((call) => ({ ...fromCall(call) }))],
      [
        'artifact',
        artifacts.map((one) => ({
          slot: one.slot,
          tenant_id: one.tenantId,
          owner_id: one.ownerId,
          kind: one.kind,
          blob: one.blob,
          blob_bytes: one.blobBytes,
          sealed: one.sealed,
        })),
      ],
      [
        'token',
        tokens.map((token) => ({
          tenant: this.#tenant.number,
          kind: toKindCode(token.kind),
          epoch: token.epoch,
          token: token.token,
          owner_id: token.ownerId,
        })),
      ],
    ];
  }
}

type IndexRow = { name: string; definition: string; rule: string | null };

/** Drops the indexes of a table, those of its constraints included; returns the statements that make them again. */
async function dropIndexes(client: pg.Client | undefined, table: string): Promise<string[]> {
  if (client === undefined) return [];
  const { rows } = await client.query<IndexRow>(
    `SELECT pg_class.relname AS name, pg_get_indexdef(pg_class.oid) AS definition, pg_get_constraintdef(pg_constraint.oid) AS rule
      FROM pg_index JOIN pg_class ON pg_class.oid = pg_index.indexrelid
        LEFT JOIN pg_constraint ON pg_constraint.conindid = pg_class.oid
      WHERE pg_index.indrelid = CAST($1 AS regclass)`,
    [table],
  );
  for (const { name, rule } of rows) {
    await client.query(rule === null ? `DROP INDEX ${name}` : `ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  }
  return rows.map(({ name, definition, rule }) => {
    return rule === null ? definition : `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${rule}`;
  });
}
