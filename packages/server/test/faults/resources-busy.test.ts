import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildServer } from '../../src/http/server.ts';
import { openSqliteStore, type SqlStore } from '../../src/store/store.ts';
import { until } from '../support/until.ts';
import { type BrokenScene, startBrokenScene } from './broken-scene.ts';
import { expectTryLater, PlainClient } from './honest-answers.ts';
import { holdDatabase } from './lock-holder.ts';

/** How long a request waits for the database here; ten seconds in the product. */
const busyTimeoutMs = 60;

let scene: BrokenScene;
let file: string;

beforeEach(async () => {
  scene = await startBrokenScene();
  file = join(scene.app.config.home, 'db', 'tacet.sqlite');
});

afterEach(async () => await scene.end());

describe('a database that another program keeps locked for longer than requests wait', () => {
  let impatient: SqlStore;
  let client: PlainClient;
  let close: () => Promise<void>;

  beforeEach(async () => {
    impatient = await openSqliteStore({ file, clock: scene.app.engine.clock, busyTimeoutMs });
    const server = buildServer(
      { ...scene.app.engine, store: impatient },
      { trustProxy: [], publicUrl: () => 'http://127.0.0.1' },
    );
    client = new PlainClient(await server.listen({ host: '127.0.0.1', port: 0 }), await scene.app.token());
    close = async () => {
      await server.close();
      await impatient.close();
    };
  });

  afterEach(async () => await close());

  test('is told to clients as a thing to wait for, keeps nobody from reading, and costs nothing', async () => {
    const [kept, purged] = [scene.newCall('kept'), scene.newCall('purged')];
    const [keptId, purgedId] = [await scene.archived(kept), await scene.archived(purged)];
    const holder = await holdDatabase('write', file);
    const [archived, purge, ready] = await Promise.all([
      client.archive('new', '+15125550148', Buffer.from('new audio')),
      client.post('/purge/v1/calls', { ids: [purgedId] }),
      client.get('/readyz'),
    ]);
    expectTryLater(archived, 'creovai');
    expectTryLater(purge, 'creovai');
    expect([ready.status, ready.body]).toEqual([503, '{"status":"not ready"}']);
    expect((await client.get(`/v1/calls/${keptId}/recording`)).status).toBe(200);
    expect((await client.get(`/v1/calls/${purgedId}/recording`)).status, 'it was not purged').toBe(200);
    expect(await client.statusOf('new')).toBe('NotFound');
    expect((await client.login('/Token', scene.app.client)).status, 'a token needs no write').toBe(200);
    await holder.letGo();
    expect((await client.get('/readyz')).status).toBe(200);
    expect((await client.archive('new', '+15125550148', Buffer.from('new audio'))).status).toBe(200);
    expect((await client.post('/purge/v1/calls', { ids: [purgedId] })).body).toContain('Purging');
    await scene.settle();
    await scene.expectStanding(kept, 'whole');
    await scene.expectStanding(purged, 'gone');
    await scene.expectRest();
  });

  test('while an upload is under way refuses it at its end, and takes it when it comes again', async () => {
    const bytes = Buffer.from('new audio');
    const faults = { at: (point: string) => (point === 'archive:bytes-stored' ? hold() : undefined) };
    let holder: Awaited<ReturnType<typeof holdDatabase>> | undefined;
    const hold = async () => {
      holder ??= await holdDatabase('write', file);
    };
    const server = buildServer(
      { ...scene.app.engine, store: impatient, faults },
      { trustProxy: [], publicUrl: () => 'http://127.0.0.1' },
    );
    const uploader = new PlainClient(await server.listen({ host: '127.0.0.1', port: 0 }), await scene.app.token());
    expectTryLater(await uploader.archive('cut', '+15125550148', bytes), 'creovai');
    expect(await client.statusOf('cut'), 'what was not answered is not there').not.toBe('Complete');
    await holder?.letGo();
    await scene.settle();
    await client.renew(scene.app);
    expect(await client.statusOf('cut')).toBe('NotFound');
    expect((await client.archive('cut', '+15125550148', bytes)).status).toBe(200);
    await server.close();
    await scene.expectRest();
  });
});

test('a reader of another program that keeps the write-ahead log from being emptied only delays that', async () => {
  const call = scene.newCall('purged');
  const callId = await scene.archived(call);
  const holder = await holdDatabase('read', file);
  const isBusy = scene.app.nextLog((line) => line.event === 'checkpoint.busy');
  expect((await scene.purge(callId)).body).toContain('Purging');
  await isBusy;
  await scene.settle();
  expect((await stat(`${file}-wal`)).size, 'what was destroyed still stands in the log').toBeGreaterThan(0);
  await holder.letGo();
  await until(async () => (await stat(`${file}-wal`)).size === 0);
  await scene.expectStanding(call, 'gone');
  await scene.expectRest();
});
