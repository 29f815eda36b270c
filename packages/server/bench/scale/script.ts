import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { newId } from '../../src/lib/ids.ts';
import { detailsOf } from '../lib/bulk-loader.ts';
import { inLanes } from '../lib/load.ts';
import { copyRows } from './copy-rows.ts';
import { PlainDatabase } from './databases.ts';
import { keysPerDelete, type ObjectVersion, PlainBucket } from './plain-s3.ts';
import { type PlannedCall, plannedCall, type Stage } from './stage.ts';

const rowsPerLoad = 50_000;
/** Objects put at a time, and connections. */
const lanes = 8;

/**
 * The script that people write, and what it works on: a table of calls with an indexed phone, as many rows as the archive
 * has, and a versioned bucket with the objects of some of them, on the servers on which the archive is.
 *
 * It knows the key of each object from its row. Which versions there are it must ask; it goes through the list of the bucket
 * a page of 1,000 at a time, which is the fastest way where, as here, most of what the bucket has is to go.
 */
export class Script {
  readonly bucket: PlainBucket;
  /** Ids of the calls that are erased one by one. */
  readonly singles: string[] = [];
  readonly #database: PlainDatabase;
  readonly #pool: pg.Pool;

  private constructor(database: PlainDatabase, bucket: PlainBucket) {
    this.bucket = bucket;
    this.#database = database;
    this.#pool = new pg.Pool({ connectionString: database.url, max: lanes });
  }

  /** Makes both. Its calls are those of the stage, by number, times and number of bytes. */
  static async make(stage: Stage): Promise<Script> {
    const { servers, bench } = stage;
    const database = await PlainDatabase.make(servers.postgres);
    const bucket = await PlainBucket.make(servers.s3, `tacet-bench-${randomBytes(6).toString('hex')}`);
    const script = new Script(database, bucket);
    await script.#fill(stage);
    await database.client.query('VACUUM (ANALYZE)');
    bench.say('the table and the bucket of the script are filled');
    return script;
  }

  /** Deletes all calls of a number, objects and then rows, in batches. Returns how many rows there were. */
  async purge(phone: string): Promise<number> {
    const { rows } = await this.#pool.query<CallRow>('SELECT id, object FROM call WHERE phone = $1', [phone]);
    const wanted = new Set(rows.map(({ object }) => object));
    let batch: ObjectVersion[] = [];
    for await (const page of this.bucket.versions('')) {
      batch.push(...page.filter(({ Key }) => wanted.has(Key)));
      while (batch.length >= keysPerDelete) {
        await this.bucket.delete(batch.slice(0, keysPerDelete));
        batch = batch.slice(keysPerDelete);
      }
    }
    if (batch.length > 0) await this.bucket.delete(batch);
    for (let from = 0; from < rows.length; from += keysPerDelete) {
      const ids = rows.slice(from, from + keysPerDelete).map(({ id }) => id);
      await this.#pool.query('DELETE FROM call WHERE id = ANY($1)', [ids]);
    }
    return rows.length;
  }

  /** Deletes one call: every version of its object, then its row. */
  async erase(id: string): Promise<void> {
    const text = 'SELECT id, object FROM call WHERE id = $1';
    const { rows } = await this.#pool.query<CallRow>({ name: 'find', text, values: [id] });
    const object = rows[0]?.object ?? null;
    if (object === null) throw new Error('the call has no object');
    for await (const versions of this.bucket.versions(object)) await this.bucket.delete(versions);
    await this.#pool.query({ name: 'delete', text: 'DELETE FROM call WHERE id = $1', values: [id] });
  }

  async close(): Promise<void> {
    await this.#pool.end();
    await this.#database.remove();
    await this.bucket.remove();
  }

  async #fill({ bench }: Stage): Promise<void> {
    const { client } = this.#database;
    await client.query(`CREATE TABLE call (
      id TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, phone TEXT NOT NULL, direction TEXT NOT NULL,
      started_at BIGINT, ended_at BIGINT, details TEXT, object TEXT
    )`);
    await client.query('CREATE INDEX call_phone ON call (phone)');
    const { calls, objectBytes } = bench.sizes.scale;
    const body = randomBytes(objectBytes);
    for (let from = 0; from < calls[1]; from += rowsPerLoad) {
      const count = Math.min(rowsPerLoad, calls[1] - from);
      const rows = Array.from({ length: count }, (_, i) => rowOf(plannedCall(bench.sizes.scale, from + i)));
      for (const { id, isSingle } of rows) if (isSingle) this.singles.push(id);
      const objects = rows.flatMap(({ row }) => row.object ?? []);
      await copyRows(
        client,
        'call',
        rows.map(({ row }) => row),
      );
      await inLanes({ count: objects.length, lanes, maxMs: Number.POSITIVE_INFINITY }, async (i) => {
        await this.bucket.put(objects[i] ?? '', body);
      });
    }
  }
}

type CallRow = { id: string; object: string | null };

function rowOf({ sessionId, phone, startedAt, has }: PlannedCall) {
  const id = newId(startedAt);
  const row = {
    id,
    session_id: sessionId,
    phone,
    direction: 'inbound',
    started_at: startedAt,
    ended_at: startedAt + 180_000,
    details: JSON.stringify(detailsOf({ phone })),
    object: has === 'nothing' ? null : id,
  };
  return { id, row, isSingle: has === 'single' };
}
