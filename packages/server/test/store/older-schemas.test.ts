/** Databases that older programs have written. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/migrate.ts';
import { campaigns } from '../../src/store/migrations/0003-campaigns.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { openSqliteStore, type SqlStore } from '../../src/store/store.ts';
import { newHome } from '../support/store-homes.ts';
import { callOf, candidateOf, id, taskOf, userOf } from '../support/store-rows.ts';

let home: Awaited<ReturnType<typeof newHome>>;

beforeEach(async () => {
  home = await newHome();
});
afterEach(async () => {
  await home.remove();
});

const older = migrations.slice(0, -1).map((last, i) => ({ name: last.name, steps: migrations.slice(0, i + 1) }));
const tenant = { id: id(), number: 1, slug: 'old', region: 'US', createdAt: 1 };
const callId = id();

/** A database as a program wrote it that knew these migrations and no more, with a tenant and calls of its time. */
async function writeOld(steps: typeof migrations): Promise<void> {
  const db = await Db.open({ file: home.file, busyTimeoutMs: 1000, faults: noFaults });
  await migrate(db, steps, systemClock);
  await db.close();
  const database = new Database(home.file);
  database
    .prepare('INSERT INTO tenant (number, id, slug, region, created_at) VALUES (?, ?, ?, ?, ?)')
    .run(1, tenant.id, tenant.slug, tenant.region, 1);
  const call = database.prepare(`INSERT INTO call (id, tenant_id, kind, source, direction, status, started_at, ended_at,
    duration_ms, created_at, upload_until, is_upload_doomed) VALUES (?, ?, 'call', 'creovai', 'inbound', ?, 5, 6, 1, 7, ?, 0)`);
  call.run(callId, tenant.id, 'complete', null);
  call.run(id(), tenant.id, 'uploading', 9);
  database
    .prepare("INSERT INTO tombstone (call_id, tenant_id, shredded_at, gone_at) VALUES ('gone', ?, 1, 2)")
    .run(tenant.id);
  database.close();
}

async function schemaOf(file: string): Promise<unknown[]> {
  const database = new Database(file, { readonly: true });
  const rows = database
    .prepare("SELECT tbl_name, type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name")
    .all();
  database.close();
  return rows;
}

describe.each(older)('a database that stands at $name', ({ steps }) => {
  let store: SqlStore;
  beforeEach(async () => {
    await writeOld(steps);
    store = await openSqliteStore({ file: home.file });
  });
  afterEach(async () => await store.close());

  it('is brought to the schema that a new one has, step by step and once', async () => {
    expect(await store.migrate()).toEqual(migrations.slice(steps.length).map(({ name }) => name));
    expect(await store.migrate()).toEqual([]);
    const fresh = await newHome();
    const other = await openSqliteStore({ file: fresh.file });
    await other.migrate();
    await other.close();
    expect(await schemaOf(home.file)).toEqual(await schemaOf(fresh.file));
    await fresh.remove();
  });

  it('keeps its rows, to which nothing has happened that it did not know of', async () => {
    await store.migrate();
    const old = { startedAt: 5, endedAt: 6, durationMs: 1, createdAt: 7 };
    expect(await store.reads.calls.find(tenant.id, callId)).toEqual(callOf(tenant, { id: callId, ...old }));
    expect(await store.reads.calls.abandonedUploads(9, 9)).toHaveLength(1);
    const stone = { callId: 'gone', tenantId: tenant.id, shreddedAt: 1, goneAt: 2 };
    expect(await store.reads.tombstones.page('', 9)).toEqual([stone]);
  });

  // A later one has marked them itself.
  if (!steps.includes(campaigns))
    it('marks calls that were erased in part by when they first were, and no others', async () => {
      const [cleared, kept, muted, planned, foreign] = [1, 2, 3, 4, 5].map(() => id());
      if (!cleared || !kept || !muted || !planned || !foreign) throw new Error('five ids');
      const database = new Database(home.file);
      const call = database.prepare(`INSERT INTO call (id, tenant_id, kind, source, direction, status, created_at,
      is_upload_doomed) VALUES (?, ?, 'call', 'creovai', 'inbound', 'complete', 7, 0)`);
      for (const one of [cleared, kept, muted, planned]) call.run(one, tenant.id);
      call.run(foreign, id());
      const erase = (ids: string[], action: string, keep: number, shreddedAt: number, outcome: string | null) => {
        const erasureId = id();
        database
          .prepare("INSERT INTO erasure VALUES (?, ?, ?, ?, 0, 'completed', 'd', 'cli', 'x', 1, 2, ?, 3, 4)")
          .run(erasureId, tenant.id, action, keep, shreddedAt);
        const item = database.prepare("INSERT INTO item VALUES (?, ?, ?, 'verified', ?, NULL, NULL)");
        for (const [seq, callId] of ids.entries()) item.run(erasureId, seq, callId, outcome);
      };
      erase([cleared, foreign], 'depersonalize', 0, 30, 'erased');
      erase([cleared, kept], 'depersonalize', 1, 20, 'erased');
      erase([kept], 'depersonalize', 1, 25, 'already_erased');
      erase([muted], 'delete-recording', 0, 40, 'erased');
      erase([planned], 'depersonalize', 0, 50, 'held');
      database.close();
      await store.migrate();
      const marksOf = async (callId: string) => {
        const row = await store.reads.calls.find(tenant.id, callId);
        return [row?.depersonalizedAt, row?.recordingErasedAt];
      };
      expect(await marksOf(cleared)).toEqual([20, 30]);
      expect(await marksOf(kept)).toEqual([20, null]);
      expect(await marksOf(muted)).toEqual([null, 40]);
      for (const untouched of [planned, callId]) expect(await marksOf(untouched)).toEqual([null, null]);
      const page = await store.reads.calls.page('', 99);
      expect(page.find((one) => one.id === foreign)).toMatchObject({ depersonalizedAt: null });
    });

  // Before there were none.
  if (steps.includes(campaigns))
    it('keeps its users, and gives no number again that one had who is gone', async () => {
      const { id: userId, login } = userOf(tenant);
      const database = new Database(home.file);
      const user = database.prepare(`INSERT INTO account (number, id, tenant_id, login, password_hash, scopes, version,
        created_at, disabled_at) VALUES (?, ?, ?, ?, 'hash', '["admin"]', 7, 3, NULL)`);
      user.run(4, userId, tenant.id, login);
      user.run(9, id(), tenant.id, Buffer.alloc(32));
      database.prepare('DELETE FROM account WHERE number = 9').run();
      database.close();
      await store.migrate();
      const kept = {
        number: 4,
        id: userId,
        tenantId: tenant.id,
        login,
        passwordHash: 'hash',
        version: 7,
        createdAt: 3,
      };
      const users = await store.reads.users.list(tenant.id);
      expect(users).toEqual([{ ...kept, scopes: ['admin'], disabledAt: null, lastUsedAt: null }]);
      expect((await store.write(async (tx) => await tx.users.insert(userOf(tenant)))).number).toBe(10);
    });

  it('takes campaigns, users and calls of a candidate like a new one', async () => {
    await store.migrate();
    const task = taskOf(tenant);
    const candidate = candidateOf(task);
    const call = callOf(tenant, { source: 'native', candidateId: candidate.id, taskId: task.id });
    await store.write(async (tx) => {
      await tx.tasks.insert(task);
      await tx.candidates.insert([candidate]);
      await tx.calls.insert(call);
      await tx.calls.update(callId, { depersonalizedAt: 5 });
      expect((await tx.users.insert(userOf(tenant))).number).toBe(1);
    });
    expect(await store.reads.calls.idsOfCandidate(tenant.id, candidate.id)).toEqual([call.id]);
    const order = { by: 'startedAt', isDescending: true } as const;
    expect(await store.reads.calls.search(tenant.id, {}, order, { lookedAt: 9, found: 9 })).toEqual([call.id]);
    expect(await store.reads.calls.find(tenant.id, callId)).toMatchObject({ depersonalizedAt: 5 });
  });
});
