/** Recordings that the bucket may not let go of yet: their keys die all the same, and they go when they may. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Item } from '../../src/model/erasure.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { type ScalePlaces, scalePlaces } from '../support/pair.ts';
import { describeWithServers } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { leftIn, type Prefix } from './object-copies.ts';

const phone = '+15125551234';
/** Long enough for what is looked at before, on a busy machine. */
const lockMs = 12_000;

describeWithServers('a recording under a lock of the bucket', (servers) => {
  let places: ScalePlaces;
  let app: TestApp;
  let client: CreovaiClient;
  let objects: Prefix;
  let keyOf: (callId: string) => Promise<string>;

  beforeEach(async () => {
    places = await scalePlaces(servers);
    app = await startApp({ env: { ...places.env, TACET_BACKUP_HORIZON: '0' } });
    client = new CreovaiClient(await app.listen(), await app.token());
    const { bucket, prefix } = places.bucket.place;
    objects = { s3: places.bucket.s3, bucket, prefix };
    keyOf = async (callId) => {
      const artifact = (await app.engine.store.reads.artifacts.ofOwner(callId)).find((one) => one.blob !== null);
      return `${prefix}${artifact?.blob ?? ''}`;
    };
  });
  afterEach(async () => {
    await app.close();
    await places.remove();
  });

  /** Archives calls of one customer, and returns their ids. */
  async function archived(...sessions: string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const session of sessions) {
      const { status, callId = '' } = await client.archive(session, phone, Buffer.alloc(5000, session));
      expect(status).toBe(200);
      ids.push(callId);
    }
    return ids;
  }

  async function itemOf(callId: string): Promise<Item | undefined> {
    const { erasures } = app.engine.store.reads;
    const items = await erasures.itemsOf((await erasures.page('', 10)).map(({ id }) => id));
    return items.find((item) => item.callId === callId);
  }

  async function untilFailed(callId: string): Promise<Item | undefined> {
    await until(async () => (await itemOf(callId))?.state === 'failed');
    return await itemOf(callId);
  }

  /** Keys, rows and the word of the API are as of any purged call. */
  async function expectUnreadable(callId: string, session: string): Promise<void> {
    const { artifacts } = app.engine.store.reads;
    expect(await artifacts.ofOwner(callId)).toEqual([]);
    expect(await client.status(session)).toBe('NotFound');
    expect((await client.recording(callId)).status).toBe(404);
  }

  /** All of it is over: verified, and not one version left. */
  async function expectGone(callIds: readonly string[]): Promise<void> {
    await until(async () => (await app.engine.store.reads.erasures.open(1)).length === 0);
    await untilQuiet(app.engine);
    for (const callId of callIds) expect((await itemOf(callId))?.state).toBe('verified');
    expect((await leftIn(objects)).filter(({ name }) => /^[0-9a-f]{8}-/.test(name))).toEqual([]);
    const [erasure] = await app.engine.store.reads.erasures.page('', 10);
    expect(erasure).toMatchObject({ state: 'completed', goneAt: expect.any(Number) });
  }

  test('of compliance says so with its date, and goes when it ends', { timeout: 90_000 }, async () => {
    const [locked = '', free = ''] = await archived('locked', 'free');
    const ends = new Date(Date.now() + lockMs);
    const Retention = { Mode: 'COMPLIANCE', RetainUntilDate: ends } as const;
    await objects.s3.putObjectRetention({ Bucket: objects.bucket, Key: await keyOf(locked), Retention });
    await client.purge('/customer', { phoneNumber: phone });

    const item = await untilFailed(locked);
    expect(item).toMatchObject({ outcome: 'erased', failedCode: 'blob_locked', lockedSince: expect.any(Number) });
    // Ceph keeps whole milliseconds, and gives back a fraction of them.
    expect(Math.abs((item?.lockedUntil ?? 0) - ends.getTime())).toBeLessThan(1000);
    await expectUnreadable(locked, 'locked');
    await until(async () => (await itemOf(free))?.state === 'verified');
    expect(await client.status('free')).toBe('NotFound');
    // Nobody asks the bucket in vain: the job waits for the end of the lock.
    await until(async () => ((await app.engine.store.reads.jobs.nextRunAt()) ?? 0) > ends.getTime());

    await until(async () => (await itemOf(locked))?.state !== 'failed');
    expect(Date.now()).toBeGreaterThan(ends.getTime() - 1000);
    // Never again anything else, also while the bytes are on their way out.
    expect(await client.status('locked')).toBe('NotFound');
    await expectGone([locked, free]);
  });

  test('of a legal hold has no date, and goes soon after somebody has lifted it', { timeout: 60_000 }, async () => {
    const [held = ''] = await archived('held');
    const which = { Bucket: objects.bucket, Key: await keyOf(held) };
    await objects.s3.putObjectLegalHold({ ...which, LegalHold: { Status: 'ON' } });
    await client.purge('', { ids: [held] });
    expect(await untilFailed(held)).toMatchObject({ failedCode: 'blob_locked', lockedUntil: null });
    await expectUnreadable(held, 'held');
    await objects.s3.putObjectLegalHold({ ...which, LegalHold: { Status: 'OFF' } });
    await until(async () => (await itemOf(held))?.state !== 'failed');
    expect(await client.status('held')).toBe('NotFound');
    await expectGone([held]);
  });
});
