/** `tacet move` as an operator uses it, from a home to PostgreSQL and S3. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { databaseFile } from '../../src/app-places.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { cast, type LifeCall, type Standing } from '../crash/life.ts';
import { purgeAll, Stage } from '../restore/stage.ts';
import { adminQuery } from '../support/postgres.ts';
import { describeWithServers, type Servers } from '../support/servers.ts';
import { startTacet } from '../support/tacet-process.ts';
import { codeOfLook, move, movedStage, newTarget, type Target, versionsIn } from './moves.ts';

const commandMsMax = 120_000;
const { kept, keptChat, held, purged, purgedTwice, muted } = cast;

const stages: Stage[] = [];
const targets: Target[] = [];
afterAll(async () => {
  for (const stage of stages) stage.end();
  for (const target of targets) await target.remove();
});

/** An archive with calls, one of them purged, and an empty place for it. */
async function archived(servers: Servers): Promise<{ stage: Stage; target: Target }> {
  const [stage, target] = [new Stage(), await newTarget(servers)];
  stages.push(stage);
  targets.push(target);
  await stage.process(async (at) => {
    await stage.archive(at, kept, keptChat, held, purged);
    await purgeAll(at, { by: 'sessions', ids: [purged.session] });
  });
  return { stage, target };
}

const afterwards: readonly (readonly [LifeCall, Standing])[] = [
  [kept, 'whole'],
  [keptChat, 'whole'],
  [held, 'whole'],
  [purged, 'gone'],
];

/** True where the target has a seal that the source does not have. */
async function isSealed(stage: Stage, { databaseUrl }: Target): Promise<boolean> {
  const home = new Database(databaseFile(stage.config.home), { readonly: true });
  const source = home.prepare<[], number>('SELECT generation FROM archive').pluck().get();
  home.close();
  const [target] = await adminQuery({ url: databaseUrl }, 'select generation from archive');
  return Number(target?.['generation'] ?? 0) > (source ?? 0);
}

async function said(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; errors: string }> {
  const { code, errors } = await startTacet(args, env).ended;
  return { code, errors };
}

describeWithServers('an archive that has moved', (servers) => {
  test('is whole in its new place, and goes on there', { timeout: commandMsMax }, async () => {
    const { stage, target } = await archived(servers);
    const told = await move(stage, target);
    expect(told).toMatchObject({
      moved: true,
      clean: true,
      rows: { call: 3 },
      recordings: { recordings: 2, missing: [] },
    });
    expect(JSON.stringify(told)).not.toContain('tacetsecret');
    const moved = movedStage(stage, target);
    await moved.expectSound();
    await moved.expectStandings(afterwards);
    await moved.process(async (at) => {
      await moved.archive(at, muted, purgedTwice);
      await purgeAll(at, { by: 'sessions', ids: [purgedTwice.session] });
    });
    await moved.expectStandings([...afterwards, [muted, 'whole'], [purgedTwice, 'gone']]);
  });

  test('is refused in its old place, by whatever command, which says where it went', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, target } = await archived(servers);
    await move(stage, target);
    for (const args of [['serve'], ['fsck'], ['restore']]) {
      const refused = await said(args, { ...stage.env, TACET_LISTEN: '127.0.0.1:0' });
      expect(refused, args.join(' ')).toMatchObject({ code: 11 });
      expect(refused.errors).toContain(new URL(target.databaseUrl).pathname);
      expect(refused.errors).not.toContain('tacetsecret');
    }
    // Once more is no harm: it has come to its end, and says so again.
    expect(await move(stage, target)).toMatchObject({ moved: true, clean: true });
    expect((await said(['move', '--cancel'], stage.env)).code).toBe(11);
  });

  test('is refused in its old place by the vault, where that was put back from a copy without the mark', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, target } = await archived(servers);
    const copy = stage.copy();
    await move(stage, target);
    stage.putBack(copy);
    await stage.expectRefused();
    expect((await said(['move', ...target.args], { ...stage.env, ...target.credentials })).code).toBe(7);
  });

  test('leaves nothing behind of what was purged between two copies', { timeout: commandMsMax }, async () => {
    const { stage, target } = await archived(servers);
    const first = await startTacet(['move', ...target.args], {
      ...stage.env,
      ...target.credentials,
      TACET_FAULT: 'move:rows-copied',
    }).ended;
    expect(first.signal, first.errors).toBe('SIGKILL');
    const id = stage.idOf(held);
    expect((await versionsIn(target.bucket)).filter((key) => key.includes(id))).toHaveLength(1);
    await stage.process(async (at) => await purgeAll(at, { by: 'sessions', ids: [held.session] }));
    await move(stage, target);
    expect((await versionsIn(target.bucket)).filter((key) => key.includes(id))).toEqual([]);
    const rows = await adminQuery({ url: target.databaseUrl }, 'select owner_id from artifact where owner_id = $1', [
      id,
    ]);
    expect(rows).toEqual([]);
    await movedStage(stage, target).expectStandings([
      [kept, 'whole'],
      [held, 'gone'],
    ]);
  });
});

describeWithServers('a move', (servers) => {
  test('waits for the servers of the archive to be stopped, and no longer than it was told', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, target } = await archived(servers);
    const server = startTacet(['serve'], { ...stage.env, TACET_LISTEN: '127.0.0.1:0' });
    await server.listening;
    const kept = await said(['move', ...target.args, '--wait', '1s'], { ...stage.env, ...target.credentials });
    expect(kept).toMatchObject({ code: 1 });
    expect(kept.errors).toContain('stop them now');
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
    expect(await codeOfLook(stage.env)).toBe(0);
    expect(await codeOfLook({ ...stage.env, ...target.env, ...target.credentials })).toBe(11);
    await move(stage, target);
  });

  // At the second the seal is committed in the target, and the vault's head is written but has no name yet.
  test.each(['move:closed', 'vault-create:written#2'])(
    'that died at %s is taken back by --cancel, and may be begun anew',
    {
      timeout: commandMsMax,
    },
    async (point) => {
      const { stage, target } = await archived(servers);
      const env = { ...stage.env, ...target.credentials };
      expect((await said(['move', '--cancel'], stage.env)).code).toBe(2);
      const killed = await startTacet(['move', ...target.args], { ...env, TACET_FAULT: point }).ended;
      expect(killed.signal, killed.errors).toBe('SIGKILL');
      expect(await codeOfLook(stage.env)).toBe(11);
      expect(await isSealed(stage, target)).toBe(point !== 'move:closed');
      // Another vault would know nothing of a seal.
      const elsewhere = { ...stage.env, TACET_KEYS_DIR: join(stage.folder, 'elsewhere') };
      expect((await said(['move', '--cancel'], elsewhere)).code).toBe(1);
      expect(await said(['move', '--cancel'], stage.env)).toMatchObject({ code: 0 });
      // Without a seal: nothing in the vault tells of it.
      await stage.process(async (at) => await stage.archive(at, muted));
      expect(await codeOfLook({ ...env, ...target.env })).toBe(11);
      await move(stage, target);
      await movedStage(stage, target).expectStandings([...afterwards, [muted, 'whole']]);
    },
  );

  test('refuses a target with anything else in it, and changes nothing there or at home', {
    timeout: commandMsMax,
  }, async () => {
    const [{ stage, target }, other] = [await archived(servers), await archived(servers)];
    const env = { ...stage.env, ...target.credentials };
    // As an older version has left it, which a start would bring up to date.
    const home = new Database(databaseFile(stage.config.home));
    const last = migrations.at(-1)?.name;
    const ledger = () => home.prepare('SELECT name FROM migration ORDER BY name').pluck().all();
    home.prepare('DELETE FROM migration WHERE name = ?').run(last);
    await adminQuery({ url: target.databaseUrl }, 'create table somebody_elses (id int)');
    expect((await said(['move', ...target.args], env)).code).toBe(2);
    await adminQuery({ url: target.databaseUrl }, 'drop table somebody_elses');
    const { s3, place } = target.bucket;
    await s3.putObject({ Bucket: place.bucket, Key: `${place.prefix}0-somebody-elses`, Body: 'x' });
    expect((await said(['move', ...target.args], env)).code).toBe(2);
    const tables = "select tablename from pg_tables where schemaname = 'public'";
    expect(await adminQuery({ url: target.databaseUrl }, tables)).toEqual([]);
    // Another archive has moved in by now, and has an older schema too.
    await move(other.stage, other.target);
    await adminQuery({ url: other.target.databaseUrl }, 'delete from migration where name = $1', [last]);
    expect((await said(['move', ...other.target.args], env)).code).toBe(2);
    const there = await adminQuery({ url: other.target.databaseUrl }, 'select name from migration order by name');
    const older = migrations.slice(0, -1).map(({ name }) => name);
    expect([ledger(), there.map(({ name }) => name)]).toEqual([older, older]);
    home.prepare('INSERT INTO migration VALUES (?, 1)').run(last);
    home.close();
    await adminQuery({ url: other.target.databaseUrl }, 'insert into migration values ($1, 1)', [last]);
    expect(await codeOfLook(stage.env)).toBe(0);
    // Nor are its recordings touched by one that was to go elsewhere and is sent there half-way.
    const [to, elsewhere] = [await newTarget(servers), other.target.args.slice(2)];
    targets.push(to);
    const killed = await startTacet(['move', ...to.args], { ...env, TACET_FAULT: 'move:closed' }).ended;
    expect(killed.signal, killed.errors).toBe('SIGKILL');
    expect((await said(['move', ...to.args.slice(0, 2), ...elsewhere], env)).code).toBe(8);
    await movedStage(other.stage, other.target).expectStandings(afterwards);
  });

  test('of a home without an archive is refused, and makes none', { timeout: commandMsMax }, async () => {
    const [stage, target] = [new Stage(), await newTarget(servers)];
    stages.push(stage);
    targets.push(target);
    expect((await said(['move', ...target.args], { ...stage.env, ...target.credentials })).code).toBe(2);
    expect(existsSync(databaseFile(stage.config.home))).toBe(false);
    rmSync(join(stage.folder, 'home'), { recursive: true, force: true });
  });
});

describe('a move to', () => {
  test.each([
    ['nowhere', []],
    ['recordings alone', ['--to-blobs', 's3://bucket/prefix']],
    ['no database of PostgreSQL', ['--to-database', 'mysql://host/name']],
    ['files', ['--to-database', 'postgres://host/name', '--to-blobs', '']],
    ['a wait without an end', ['--to-database', 'postgres://127.0.0.1:1/name', '--wait', 'long']],
  ])('%s is refused', async (_, args) => {
    const stage = new Stage();
    stages.push(stage);
    expect((await said(['move', ...args], stage.env)).code).toBe(2);
    expect(existsSync(databaseFile(stage.config.home))).toBe(false);
  });
});

describeWithServers('rows alone', (servers) => {
  test('move on from one database to the next, while the recordings stay', { timeout: commandMsMax }, async () => {
    const { stage, target } = await archived(servers);
    const next = await newTarget(servers);
    targets.push(next);
    const rowsOnly = (one: Target) => ({
      ...one,
      args: one.args.slice(0, 2),
      env: { TACET_DATABASE_URL: one.databaseUrl },
    });
    await move(stage, rowsOnly(target));
    const between = movedStage(stage, rowsOnly(target));
    await between.process(async (at) => await between.archive(at, muted));
    await move(between, rowsOnly(next));
    expect(await codeOfLook(between.env)).toBe(11);
    // Closed by the server itself, whoever asks.
    const write = adminQuery({ url: target.databaseUrl }, 'delete from job');
    await expect(write).rejects.toMatchObject({ code: 'TA001' });
    const last = movedStage(between, rowsOnly(next));
    await last.expectSound();
    await last.expectStandings([...afterwards, [muted, 'whole']]);
    // Numbers that the database counts go on from where they were.
    const numbers = async (one: Target) =>
      await adminQuery(
        { url: one.databaseUrl },
        "select nextval('journal_number_seq') as at, max(number) as last from journal",
      );
    const [row] = await numbers(next);
    expect(Number(row?.['at'])).toBeGreaterThan(Number(row?.['last']));
  });
});
