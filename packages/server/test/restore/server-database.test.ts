/** A database of PostgreSQL that was put back from a copy: refused, restored, and nothing erased comes back. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { expectRetry } from '../crash/invariants.ts';
import { cast, type LifeCall, type Standing } from '../crash/life.ts';
import { versionsIn } from '../move/moves.ts';
import { adminQuery, newDatabase, type TestDatabase } from '../support/postgres.ts';
import { describeWithServers, type Servers } from '../support/servers.ts';
import {
  command,
  dump,
  newServerStage,
  onDatabase,
  putBack,
  restored,
  type ServerStage,
  textOf,
} from './server-stage.ts';
import { erase, purgeAll } from './stage.ts';

const commandMsMax = 240_000;
const { kept, keptChat, purged, purgedTwice, depersonalized, muted, held } = cast;

const stages: ServerStage[] = [];
const databases: TestDatabase[] = [];
afterAll(async () => {
  for (const { stage, target } of stages) {
    stage.end();
    await target.remove();
  }
  for (const database of databases) await database.remove();
});

async function archived(servers: Servers): Promise<ServerStage> {
  const at = await newServerStage(servers);
  stages.push(at);
  await at.stage.process(async (work) => {
    await at.stage.archive(work, kept, keptChat, purged, depersonalized, muted, held);
  });
  return at;
}

async function backAt({ postgres }: Servers, at: ServerStage, file: string): Promise<ServerStage> {
  const database = await putBack(postgres, file);
  databases.push(database);
  return onDatabase(at, database.url);
}

/** Of a call in the rows: the ciphertexts that hold its content. */
async function sealedOf({ target }: ServerStage, callId: string): Promise<string[]> {
  const sql = "select encode(sealed, 'hex') as sealed from artifact where owner_id = $1 and sealed is not null";
  const rows = await adminQuery({ url: target.databaseUrl }, sql, [callId]);
  return rows.map((row) => String(row['sealed']));
}

describeWithServers('a dump that was put back', (servers) => {
  test('is refused by everybody until a restore has erased again what was erased since', {
    timeout: commandMsMax,
  }, async () => {
    const at = await archived(servers);
    const { stage, target } = at;
    const file = await dump(at, 'tacet.dump');
    await stage.process(async (work) => {
      await stage.archive(work, purgedTwice);
      await purgeAll(work, { by: 'sessions', ids: [purged.session, purgedTwice.session] });
      await erase(work, 'depersonalize', depersonalized, true);
      await erase(work, 'delete-recording', muted);
    });
    const back = await backAt(servers, at, file);
    const sealed = await sealedOf(back, stage.idOf(purged));
    expect(sealed.length).toBeGreaterThan(0);
    for (const args of [['serve'], ['work'], ['keys', 'status'], ['fsck']]) {
      expect((await command(back, ...args)).code, args.join(' ')).toBe(7);
    }
    expect(await restored(back)).toMatchObject({
      verified: true,
      replaced: null,
      itemsVerified: 4,
      itemsUnverified: 0,
      callsWithoutBytes: [],
    });
    const looked = await command(back, 'fsck', '--deep');
    expect(looked.code, looked.output).toBe(0);
    const standings: readonly (readonly [LifeCall, Standing])[] = [
      [kept, 'whole'],
      [keptChat, 'whole'],
      [held, 'whole'],
      [purged, 'gone'],
      [purgedTwice, 'gone'],
      [depersonalized, 'depersonalized'],
      [muted, 'muted'],
    ];
    await back.stage.expectSound();
    await back.stage.expectStandings(standings);
    await back.stage.process(async (work) => await expectRetry(work.engine, work.caller, purgedTwice, 'gone'));
    // Raw: no row has its content, no version in the bucket bears its id.
    const text = await textOf(back);
    for (const one of sealed) expect(text).not.toContain(one);
    for (const { session, phone } of [purged, purgedTwice]) {
      expect(text).not.toContain(`"${session}"`);
      expect(text).not.toContain(phone.slice(1));
    }
    const stored = await versionsIn(target.bucket);
    expect(stored.filter((key) => key.includes(stage.idOf(purged)))).toEqual([]);
    expect(stored.filter((key) => key.includes(stage.idOf(kept)))).toHaveLength(1);
    // The database that was left behind is the copy now.
    expect((await command(at, 'keys', 'status')).code).toBe(7);
  });

  test('past its horizon is refused by the restore too', { timeout: commandMsMax }, async () => {
    const at = await archived(servers);
    const file = await dump(at, 'tacet.dump');
    await at.stage.process(async ({ engine }) => void (await engine.rootKeys.seal()));
    const back = await backAt(servers, at, file);
    const late = onDatabase(back, back.target.databaseUrl, { TACET_BACKUP_HORIZON: '0' });
    expect((await command(late, 'restore')).code).toBe(10);
    expect((await command(back, 'restore')).code).toBe(0);
  });
});

describeWithServers('on PostgreSQL', (servers) => {
  test('a backup into a folder, and a restore from one, say how it is done', { timeout: commandMsMax }, async () => {
    const at = await archived(servers);
    const folder = join(at.stage.folder, 'backup');
    const backup = await command(at, 'backup', folder);
    expect(backup).toMatchObject({ code: 2 });
    expect(backup.errors).toContain('pg_dump');
    expect(existsSync(folder)).toBe(false);
    const from = await command(at, 'restore', '--from', folder);
    expect(from).toMatchObject({ code: 2 });
    expect(from.errors).toContain('pg_restore');
    const vault = join(at.stage.folder, 'vault-copy');
    expect((await command(at, 'backup', '--vault', vault)).code).toBe(0);
    expect(existsSync(vault)).toBe(true);
  });

  test('a restore of a database without an archive is refused', { timeout: commandMsMax }, async () => {
    const at = await archived(servers);
    const empty = await newDatabase(servers.postgres);
    databases.push(empty);
    const there = onDatabase(at, empty.url);
    const refused = await command(there, 'restore');
    expect(refused, refused.errors).toMatchObject({ code: 2 });
    expect((await command(there, 'keys', 'status')).code).toBe(7);
  });

  test('a restore is kept out by a running server', { timeout: commandMsMax }, async () => {
    const at = await archived(servers);
    await at.stage.process(async () => {
      const refused = await command(at, 'restore');
      expect(refused).toMatchObject({ code: 1 });
      expect(refused.errors).toContain('stop it first');
    });
  });
});
