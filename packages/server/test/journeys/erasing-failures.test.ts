import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { Item } from '../../src/model/erasure.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { spoilPage } from '../support/raw-database.ts';
import { StubbornBlobs } from '../support/stubborn-blobs.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: CreovaiClient;
let blobs: StubbornBlobs;
let lapsedMs = 0;

beforeEach(async () => {
  lapsedMs = 0;
  blobs = new StubbornBlobs({ clock: systemClock });
  app = await startApp({ blobs, clock: { now: () => Date.now() + lapsedMs } });
  client = new CreovaiClient(await app.listen(), await app.token());
});

afterEach(async () => await app.close());

async function archived(session: string): Promise<string> {
  const { callId = '' } = await client.archive(session, '+15125551234', Buffer.from(session.repeat(100)));
  return callId;
}

async function itemOf(callId: string): Promise<Item | undefined> {
  const [erasure] = await app.engine.store.reads.erasures.page('', 1);
  const items = await app.engine.store.reads.erasures.items(erasure?.id ?? '', { fromSeq: 0, limit: 100 });
  return items.find((item) => item.callId === callId);
}

/** Lets the pause of a job that failed pass. */
function letPausesPass(): void {
  lapsedMs += 10 * 60_000;
  app.engine.nudge();
}

describe('bytes that will not go', () => {
  test('keep only their own call back, with a code, and are tried again', async () => {
    const [stuck, fine] = [await archived('stuck'), await archived('fine')];
    blobs.stuck.add(stuck);
    await client.purge('/customer', { phoneNumber: '5125551234' });
    await until(async () => (await client.status('fine')) === 'NotFound');
    expect(await itemOf(stuck)).toMatchObject({ state: 'failed', failedCode: 'blob_failed' });
    expect(await itemOf(fine)).toMatchObject({ state: 'verified', outcome: 'erased' });
    expect(await client.status('stuck')).toBe('Complete');
    expect((await client.recording(stuck)).status).toBe(404);

    blobs.stuck.clear();
    letPausesPass();
    await untilQuiet(app.engine);
    expect(await client.status('stuck')).toBe('NotFound');
    expect(await itemOf(stuck)).toMatchObject({ state: 'verified', outcome: 'erased', failedCode: null });
  });
});

describe('a blob store that does not answer an erase', () => {
  test('makes the items fail with its code, not wait without one, and they are tried again', async () => {
    const callId = await archived('heard');
    blobs.isSilent = true;
    await client.purge('/customer', { phoneNumber: '5125551234' });
    await until(async () => (await itemOf(callId))?.state === 'failed');
    expect(await itemOf(callId)).toMatchObject({ failedCode: 'blob_failed', outcome: 'erased' });
    expect(await client.status('heard')).toBe('Complete');

    blobs.isSilent = false;
    letPausesPass();
    await untilQuiet(app.engine);
    expect(await itemOf(callId)).toMatchObject({ state: 'verified', failedCode: null });
    expect(await client.status('heard')).toBe('NotFound');
  });
});

describe('a damaged key page', () => {
  test('keeps only the calls back that hang on it; every other call is erased', async () => {
    const hurt = await archived('hurt');
    // The next call gets its slots from a leaf of its own.
    await app.engine.issuer.take(app.engine.tree.shape.fanOut);
    const fine = await archived('fine');
    const [artifact] = await app.engine.store.reads.artifacts.ofOwner(hurt);
    const mend = await spoilPage(app.config, Math.floor((artifact?.slot ?? -1) / app.engine.tree.shape.fanOut));
    const ids = [hurt, fine];
    await client.purge('', { ids });
    await until(async () => (await client.status('fine')) === 'NotFound');
    expect(await itemOf(hurt)).toMatchObject({ state: 'failed', failedCode: 'damage', outcome: null });
    expect(await itemOf(fine)).toMatchObject({ state: 'verified', outcome: 'erased' });

    await mend();
    letPausesPass();
    await untilQuiet(app.engine);
    expect(await itemOf(hurt)).toMatchObject({ state: 'verified', outcome: 'erased' });
    expect(await client.status('hurt')).toBe('NotFound');
  });
});
