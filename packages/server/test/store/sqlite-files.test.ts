import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { openSqliteStore } from '../../src/store/store.ts';
import { newHome } from '../support/store-homes.ts';
import { addTenant, artifactOf, callOf, id, tokenOf } from '../support/store-rows.ts';

let home: Awaited<ReturnType<typeof newHome>>;

beforeEach(async () => {
  home = await newHome();
});

afterEach(async () => {
  await home.remove();
});

const openDb = () => Db.open({ file: home.file, busyTimeoutMs: 1000, faults: noFaults });
const modeOf = (path: string) => statSync(path).mode & 0o777;
const filesOf = (folder: string) => readdirSync(folder).map((name) => join(folder, name));
/** Every file of the database: the log and its index lie beside it. */
const bytesOnDisk = () => Buffer.concat(filesOf(dirname(home.file)).map((path) => readFileSync(path)));

async function createTop(archiveId: string, file: string): Promise<void> {
  const store = await openSqliteStore({ file });
  await store.migrate();
  const top = { archiveId, keyId: id(), generation: 1, sealedAt: 1, isRestoring: false, nextLeaf: 0 };
  await store.keyStore.write((tx) => tx.createTop({ ...top, page: Buffer.alloc(8) }));
  await store.close();
}

describe('the files of a SQLite store', () => {
  it('are readable by their owner alone, and so is their folder', async () => {
    const store = await openSqliteStore({ file: home.file });
    await store.migrate();
    expect(modeOf(dirname(home.file))).toBe(0o700);
    const files = filesOf(dirname(home.file));
    expect(files.map(modeOf)).toEqual(files.map(() => 0o600));
    expect(files.length).toBeGreaterThan(1);
    await store.close();
  });

  it('are closed to others when a copy came with looser modes', async () => {
    await (await openSqliteStore({ file: home.file })).close();
    chmodSync(home.file, 0o644);
    await (await openSqliteStore({ file: home.file })).close();
    expect(modeOf(home.file)).toBe(0o600);
  });

  it('hold nothing of what was deleted or replaced, once a checkpoint is done', async () => {
    const store = await openSqliteStore({ file: home.file });
    await store.migrate();
    const [call, other] = [callOf(await addTenant(store)), callOf(await addTenant(store))];
    const marked = ['sealed', 'token bytes..', 'key page', 'old page'].map((what) => Buffer.from(`mark of ${what}`));
    const [sealed, token, page, oldPage] = marked.map((mark, i) => Buffer.alloc(i === 1 ? 16 : 9000, mark));
    if (!sealed || !token || !page || !oldPage) throw new Error('four marks');
    const isThere = () => marked.map((mark) => bytesOnDisk().includes(mark.subarray(0, 16)));
    await store.write(async (tx) => {
      await tx.artifacts.insert([artifactOf(call, 1, { sealed }), artifactOf(other, 2)]);
      await tx.tokens.insertTokens([tokenOf(call, { token }), tokenOf(other)]);
      await tx.keys.writePages([{ level: 0, index: 0, sealed: oldPage }]);
    });
    await store.write((tx) => tx.keys.writePages([{ level: 0, index: 0, sealed: page }]));
    expect(await store.checkpoint()).toBe(true);
    expect(isThere()).toEqual([true, true, true, false]);
    await store.write(async (tx) => {
      await tx.artifacts.deleteOfOwner(call.id);
      await tx.tokens.deleteOfOwners([call.id]);
      await tx.keys.writePages([{ level: 0, index: 0, sealed: Buffer.from('destroyed') }]);
    });
    expect(await store.checkpoint()).toBe(true);
    expect(isThere()).toEqual([false, false, false, false]);
    await store.close();
  });

  it('are found swapped by a fresh connection', async () => {
    const [ours, theirs] = [id(), id()];
    const other = await newHome();
    await createTop(ours, home.file);
    await createTop(theirs, other.file);
    const store = await openSqliteStore({ file: home.file });
    expect((await store.keyStore.write((tx) => tx.lockTop()))?.archiveId).toBe(ours);
    for (const end of ['-wal', '-shm']) rmSync(home.file + end);
    renameSync(other.file, home.file);
    const seen = await store.keyStore.writeFresh(async (tx) => {
      await tx.updateTop({ nextLeaf: 5 });
      return await tx.lockTop();
    });
    expect(seen).toMatchObject({ archiveId: theirs, nextLeaf: 5 });
    expect((await store.keyStore.writeFresh((tx) => tx.readTop()))?.nextLeaf).toBe(5);
    await store.close();
    await other.remove();
  });

  it("that are full fail the write with the database's own code, leave nothing behind and work again later", async () => {
    const db = await openDb();
    await migrate(db, migrations, systemClock);
    const limitPages = (pages: number) => db.write((session) => session.rows(`PRAGMA max_page_count = ${pages}`, []));
    const fill = db.write.bind(db, async (session) => {
      const sql = 'INSERT INTO key_page (place, sealed) VALUES (?, ?)';
      for (let place = 0; place < 100; place += 1) await session.change(sql, [place, Buffer.alloc(9000)]);
    });
    await limitPages(1);
    await expect(fill()).rejects.toMatchObject({ code: 'store_failed', detail: 'SQLITE_FULL' });
    expect(await db.reads.rows('SELECT place FROM key_page', [])).toEqual([]);
    await limitPages(1_000_000);
    await fill();
    expect(await db.reads.rows('SELECT place FROM key_page', [])).toHaveLength(100);
    await db.close();
  });
});

describe('the schema', () => {
  it('is the one in the committed dump', async () => {
    const db = await openDb();
    expect(await migrate(db, migrations, systemClock)).toEqual(migrations.map(({ name }) => name));
    const rows = await db.reads.rows<{ sql: string }>(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY tbl_name, type DESC, name",
      [],
    );
    await db.close();
    const dump = rows.map(({ sql }) => `${sql.replace(/\s+/g, ' ')};\n`).join('');
    await expect(dump).toMatchFileSnapshot('schema.sqlite.sql');
  });

  it('written by a newer program is refused and left alone', async () => {
    const db = await openDb();
    const future = { name: '9999-future', statements: () => ['CREATE TABLE future (id INTEGER)'] };
    await migrate(db, [...migrations, future], systemClock);
    const newer = { code: 'store_newer', detail: expect.stringContaining('9999-future') };
    await expect(migrate(db, migrations, systemClock)).rejects.toMatchObject(newer);
    expect(await migrate(db, [...migrations, future], systemClock)).toEqual([]);
    await db.close();
  });

  it('is what it was when a migration fails half-way', async () => {
    const db = await openDb();
    const broken = { name: '0002-broken', statements: () => ['CREATE TABLE half (id INTEGER)', 'CREATE NONSENSE'] };
    await expect(migrate(db, [...migrations, broken], systemClock)).rejects.toMatchObject({ code: 'internal' });
    expect(await db.reads.rows("SELECT name FROM sqlite_schema WHERE name = 'half'", [])).toEqual([]);
    const mended = { ...broken, statements: () => ['CREATE TABLE whole (id INTEGER)'] };
    expect(await migrate(db, [...migrations, mended], systemClock)).toEqual(['0002-broken']);
    await db.close();
  });
});

describe('a write connection', () => {
  it.each<[pragma: string, value: string | number, why: string]>([
    ['journal_mode', 'wal', 'readers wait for nobody'],
    ['busy_timeout', 0, 'waiting for other processes does not stop this one'],
    ['synchronous', 2, 'a commit has reached the disk'],
    ['secure_delete', 1, 'what is deleted is overwritten'],
    ['temp_store', 2, 'sorting leaves nothing on the disk'],
    ['foreign_keys', 0, 'rows of the erased may be gone before those that speak of them'],
  ])('has %s %s: %s', async (pragma, value) => {
    const db = await openDb();
    for (const write of [db.write.bind(db), db.writeFresh.bind(db)]) {
      const [row] = await write((session) => session.rows<object>(`PRAGMA ${pragma}`, []));
      expect(Object.values(row ?? {})).toEqual([value]);
    }
    await db.close();
  });
});

describe('the statements', () => {
  it('that cannot be run are a Bug, and more of them than are kept prepared do no harm', async () => {
    const db = await openDb();
    await expect(db.reads.rows('SELECT ?', [])).rejects.toMatchObject({ name: 'Bug' });
    for (let i = 0; i < 600; i += 1) expect(await db.reads.rows(`SELECT ${i} AS i`, [])).toEqual([{ i }]);
    expect(await db.reads.rows('SELECT 0 AS i', [])).toEqual([{ i: 0 }]);
    await db.close();
  });

  it.each([
    ['a long walk of reads', (db: Db) => db.reads.rows('SELECT 1', [])],
    ['a long row of writes', (db: Db) => db.write((session) => session.rows('SELECT 1', []))],
  ])('let the event loop turn in %s', async (_, step) => {
    const db = await openDb();
    const loop = { hasTurned: false };
    setImmediate(() => {
      loop.hasTurned = true;
    });
    const patience = performance.now() + 5000;
    while (!loop.hasTurned && performance.now() < patience) await step(db);
    expect(loop.hasTurned).toBe(true);
    await db.close();
  });
});
