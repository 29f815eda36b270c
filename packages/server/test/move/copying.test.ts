/** The rows of a move: what a copy beside writers and the copies at rest after it come to. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import type { MoveMark } from '../../src/model/move.ts';
import { copiedTables } from '../../src/store/copied-tables.ts';
import { MovingDatabase } from '../../src/store/moving-database.ts';
import { openSqliteStore } from '../../src/store/store.ts';
import { adminQuery, newDatabase, type TestDatabase } from '../support/postgres.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { newHome } from '../support/store-homes.ts';

const mark: MoveMark = { id: 'move', archiveId: 'archive', state: 'arriving', place: 'SQLite', at: 1 };
const options = { clock: systemClock, faults: noFaults };
const silent = () => undefined;
const tables = [...copiedTables('live'), ...copiedTables('closed')];

describeWithPostgres('rows that move', (server) => {
  let home: Awaited<ReturnType<typeof newHome>>;
  let database: TestDatabase;
  let [from, to]: MovingDatabase[] = [];
  /** The source, past everything that is tested. */
  let raw: Database.Database;

  beforeEach(async () => {
    [home, database] = [await newHome(), await newDatabase(server)];
    const store = await openSqliteStore({ file: home.file });
    await store.migrate();
    await store.close();
    raw = new Database(home.file);
    from = await MovingDatabase.open({ kind: 'sqlite', file: home.file }, options);
    to = await MovingDatabase.open({ kind: 'postgres', url: database.url }, options);
    await to.receive(mark);
  });

  afterEach(async () => {
    raw.close();
    await from?.close();
    await to?.close();
    await home.remove();
    await database.remove();
  });

  function ends(): { from: MovingDatabase; to: MovingDatabase } {
    if (from === undefined || to === undefined) throw new Error('nothing is open');
    return { from, to };
  }

  /** Every row of both, as text that is the same for the same values. */
  async function expectSame(): Promise<void> {
    for (const { name, key } of tables) {
      const order = key.join(', ');
      const mine = raw.prepare(`SELECT * FROM "${name}" ORDER BY ${order}`).all();
      const theirs = await adminQuery({ url: database.url }, `select * from "${name}" order by ${order}`);
      expect(theirs.map(asText), name).toEqual(mine.map(asText));
    }
  }

  function asText(row: unknown): string {
    const values = Object.entries(row as Record<string, unknown>).map(([name, value]) => {
      return `${name}=${Buffer.isBuffer(value) ? value.toString('hex') : String(value)}`;
    });
    return values.sort().join(' ');
  }

  const job = (id: string, finishedAt: number | null) =>
    raw
      .prepare(
        "INSERT INTO job (id, kind, payload, run_at, attempts, finished_at) VALUES (?, 'erasure', 'same', 1, 0, ?)",
      )
      .run(id, finishedAt);
  const artifact = (slot: number, sealed: Buffer | null) =>
    raw
      .prepare("INSERT INTO artifact (slot, owner_id, kind, sealed) VALUES (?, 'owner', 'details', ?)")
      .run(slot, sealed);
  const client = (id: string) =>
    raw
      .prepare(
        "INSERT INTO client (id, tenant_id, secret_hash, scopes, version, created_at, expires_at, disabled_at) VALUES (?, 't', 'h', '[]', 1, 1, 1, NULL)",
      )
      .run(id);
  const token = (...values: (number | Buffer | string)[]) =>
    raw.prepare('INSERT INTO token (tenant, kind, epoch, token, owner_id) VALUES (?, ?, ?, ?, ?)').run(...values);

  test('are the same in the end, whatever came, changed and went since a first copy', async () => {
    const { from: source, to: target } = ends();
    for (let slot = 0; slot < 3000; slot += 1) artifact(slot * 3, slot % 7 === 0 ? null : Buffer.alloc(20, slot));
    for (let i = 0; i < 300; i += 1)
      token(1, i % 4, 1, Buffer.from([255 - (i % 250), i % 256, 7]), `owner ${i % 9}-${i}`);
    await target.copyLive(source, silent);
    raw.exec('DELETE FROM artifact WHERE slot % 2 = 0');
    raw.exec("UPDATE artifact SET sealed = x'0102' WHERE slot % 5 = 0");
    raw.exec('UPDATE artifact SET sealed = NULL WHERE slot % 11 = 0');
    raw.exec('DELETE FROM token WHERE kind = 2');
    for (let slot = 0; slot < 1500; slot += 1) artifact(slot * 3 + 1, Buffer.alloc(5, slot));
    raw.prepare('INSERT INTO key_page VALUES (?, ?)').run(2 ** 40 + 5, Buffer.alloc(8220, 9));
    expect(await target.copyAll(source, silent)).toMatchObject({ key_page: 1 });
    await expectSame();
  });

  test('make way for each other where one took the place of another in a key besides the first', async () => {
    const { from: source, to: target } = ends();
    job('b', null);
    await target.copyLive(source, silent);
    raw.exec("UPDATE job SET finished_at = 5 WHERE id = 'b'");
    job('a', null);
    // The one that now is unfinished comes first, and the other one is in its way.
    await target.copyLive(source, silent);
    await target.copyAll(source, silent);
    await expectSame();
  });

  test('are found in the same order by both databases, whatever their keys are made of', async () => {
    const { from: source, to: target } = ends();
    for (const id of ['a', 'B', '\u00e9', 'e\u0301', '\uffee', '\u{1f600}', '-', '_', 'a b', 'ab', '']) client(id);
    await target.copyLive(source, silent);
    raw.exec("DELETE FROM client WHERE id IN ('B', 'a b')");
    client('\ufb01');
    await target.copyAll(source, silent);
    await expectSame();
    expect(await target.copyLive(source, silent)).toBe(0);
  });

  test('that are large are not held all at once', async () => {
    const { from: source, to: target } = ends();
    for (let slot = 0; slot < 24; slot += 1) artifact(slot, Buffer.alloc(3 * 2 ** 20, slot));
    const before = process.memoryUsage.rss();
    await target.copyLive(source, silent);
    expect(process.memoryUsage.rss() - before).toBeLessThan(400 * 2 ** 20);
    await target.copyAll(source, silent);
    const [row] = await adminQuery({ url: database.url }, 'select sum(length(sealed)) as bytes from artifact');
    expect(Number(row?.['bytes'])).toBe(24 * 3 * 2 ** 20);
  });

  test('leave a database that refuses every write from then on, until they are taken back', async () => {
    const { from: source } = ends();
    raw.exec("INSERT INTO archive VALUES (1, 'archive', 'k', 1, 1, 0, 0, x'00')");
    await source.leave({ ...mark, state: 'moved', place: 'postgres://elsewhere/archive' });
    const store = await openSqliteStore({ file: home.file });
    const refused = { code: 'archive_moved' };
    await expect(store.migrate()).rejects.toMatchObject({
      message: expect.stringContaining('postgres://elsewhere/archive'),
    });
    const tenant = { id: 't', slug: 't', region: 'US', createdAt: 1 };
    await expect(store.write(async (tx) => await tx.tenants.insert(tenant))).rejects.toMatchObject(refused);
    await expect(store.keyStore.write((tx) => tx.updateTop({ generation: 2 }))).rejects.toMatchObject(refused);
    await source.stay();
    expect(await store.migrate()).toEqual([]);
    expect(await store.write(async (tx) => await tx.tenants.insert(tenant))).toMatchObject(tenant);
    await store.close();
  });
});

test('every table has a place in a move, with the primary key that it has', async () => {
  const file = join(tmpdir(), `tacet-tables-${process.pid}`, 'db', 'tacet.sqlite');
  const store = await openSqliteStore({ file });
  await store.migrate();
  await store.close();
  const database = new Database(file);
  const names = database.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const ours = names.map(({ name }) => name).filter((name) => !name.startsWith('sqlite_'));
  expect(ours.filter((name) => !['archive', 'migration', 'move'].includes(name)).sort()).toEqual(
    tables.map(({ name }) => name).sort(),
  );
  for (const { name, key } of tables) {
    const columns = database.prepare<[], { name: string; pk: number }>(`PRAGMA table_info("${name}")`).all();
    const found = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
    expect(
      found.map((column) => column.name),
      name,
    ).toEqual(key);
  }
  database.close();
  await rm(join(tmpdir(), `tacet-tables-${process.pid}`), { recursive: true });
});
