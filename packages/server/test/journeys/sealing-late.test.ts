import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { endReservations } from '../../src/keys/slot-issuer.ts';
import { silentLog } from '../../src/lib/log.ts';
import { AppError } from '../../src/model/errors.ts';
import { until } from '../support/until.ts';

let folder: string;
let config: Config;
let lapsedMs = 0;
const clock = { now: () => Date.now() + lapsedMs };
const dayMs = 24 * 3_600_000;

beforeEach(async () => {
  lapsedMs = 0;
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
  config = readConfig({ TACET_HOME: join(folder, 'home'), TACET_BACKUP_HORIZON: '0' });
});

afterEach(async () => await rm(folder, { recursive: true, force: true }));

async function opened(log = silentLog): Promise<App> {
  const app = await openApp(config, { clock, log });
  await app.prepare();
  return app;
}

/** A process that dies: it gives nothing back and seals nothing. */
const die = async (app: App) => await app.engine.store.close();
const generationOf = async (app: App) => (await app.engine.store.reads.keys.readTop())?.generation ?? 0;

test('slots that a dead process left are sealed away before the command that destroyed them ends', async () => {
  const first = await opened();
  const [slot = -1] = await first.engine.issuer.take(1);
  const before = await generationOf(first);
  await die(first);
  lapsedMs += 120_000;
  const second = await opened();
  expect((await second.engine.tree.open(slot)).kind).toBe('destroyed');
  await second.close();
  const third = await opened();
  expect(await generationOf(third)).toBeGreaterThan(before);
  await third.close();
});

test('what a dead process destroyed and did not seal is sealed by the next server at its start', async () => {
  const first = await opened();
  const { engine } = first;
  await engine.issuer.take(1);
  await endReservations(engine.store.keyStore, engine.tree, clock, { owner: engine.processId });
  const before = await generationOf(first);
  await die(first);
  const second = await opened();
  expect(await generationOf(second)).toBe(before);
  second.startBackground(0);
  await until(async () => (await generationOf(second)) > before);
  await second.close();
});

test('what a process destroyed that died beside others is sealed by one of them', async () => {
  const [first, second] = [await opened(), await opened()];
  const { engine } = first;
  await engine.issuer.take(1);
  await endReservations(engine.store.keyStore, engine.tree, clock, { owner: engine.processId });
  await die(first);
  const before = await generationOf(second);
  const { sealer } = second.engine;
  await sealer.requestDue();
  await sealer.settled();
  expect(await generationOf(second), 'it might still live').toBe(before);
  lapsedMs += 31_000;
  await sealer.requestDue();
  await until(async () => (await generationOf(second)) > before);
  await second.close();
});

test('the daily seal counts from the last seal, however short the lives of processes are', async () => {
  const first = await opened();
  await first.close();
  lapsedMs += dayMs;
  const second = await opened();
  const before = await generationOf(second);
  second.startBackground(0);
  await until(async () => (await generationOf(second)) > before);
  await second.close();
});

test('a reader in the way of emptying the write-ahead log only delays it', async () => {
  const events: string[] = [];
  const say = (event: string) => void events.push(event);
  const app = await opened({ info: say, warn: say, error: say });
  const { store, sealer } = app.engine;
  await store.snapshot(async (reads) => {
    await reads.tenants.list();
    await sealer.sealed();
    await until(async () => events.includes('checkpoint.busy'));
  });
  const logFile = join(config.home, 'db', 'tacet.sqlite-wal');
  await until(async () => (await stat(logFile)).size === 0);
  await app.close();
});

test('an expiry that fails does not make the seal before it count as failed, and the seal is not made again', async () => {
  const events: string[] = [];
  const say = (event: string) => void events.push(event);
  const app = await opened({ info: say, warn: say, error: say });
  const { rootKeys, sealer } = app.engine;
  rootKeys.nextExpiry = async () => {
    throw new AppError('vault_unreachable');
  };
  const { generation } = await sealer.sealed();
  await until(async () => events.includes('expiry.failed'));
  expect(events).not.toContain('seal.failed');
  await app.engine.store.close();
  expect(generation).toBeGreaterThan(0);
});
