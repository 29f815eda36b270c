/** What a look at removed items finds, and whom it keeps back. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { Item } from '../../src/model/erasure.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { chunks } from '../support/blob-bytes.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { rawDatabase, spoilPage } from '../support/raw-database.ts';
import { StubbornBlobs } from '../support/stubborn-blobs.ts';
import { until } from '../support/until.ts';

const sessions = ['one', 'two', 'hurt', 'three', 'four'];

let app: TestApp;
let client: CreovaiClient;
let blobs: StubbornBlobs;
let faults: HookedFaults;
let lapsedMs = 0;
/** The call of which something is left, and the name of its bytes. */
let hurt = { callId: '', blob: '' };

beforeEach(async () => {
  lapsedMs = 0;
  blobs = new StubbornBlobs({ clock: systemClock });
  faults = new HookedFaults();
  app = await startApp({ blobs, faults, clock: { now: () => Date.now() + lapsedMs } });
  client = new CreovaiClient(await app.listen(), await app.token());
  const { issuer, store, tree } = app.engine;
  for (const session of sessions) {
    // Its slots lie in a leaf of their own.
    if (session === 'hurt') await issuer.take(tree.shape.fanOut);
    const { callId = '' } = await client.archive(session, '+15125551234', Buffer.from(session.repeat(100)));
    if (session !== 'hurt') continue;
    await issuer.take(tree.shape.fanOut);
    hurt = { callId, blob: (await store.reads.artifacts.find(callId, 'recording'))?.blob ?? '' };
  }
});

afterEach(async () => await app.close());

/** Items of the only erasure, by how the one of the hurt call stands and how the others do. */
async function items(): Promise<{ hurtItem: Item | undefined; others: Item[] }> {
  const { erasures } = app.engine.store.reads;
  const [erasure] = await erasures.page('', 1);
  const found = await erasures.items(erasure?.id ?? '', { fromSeq: 0, limit: 100 });
  const hurtItem = found.find((item) => item.callId === hurt.callId);
  return { hurtItem, others: found.filter((item) => item !== hurtItem) };
}

async function bringBytesBack(): Promise<() => Promise<void>> {
  await blobs.create(hurt.blob, chunks(Buffer.from('sealed'), 6));
  return async () => undefined;
}

async function hideBytes(): Promise<() => Promise<void>> {
  blobs.unseen.add(hurt.callId);
  return async () => blobs.unseen.clear();
}

async function addToken(): Promise<() => Promise<void>> {
  const { store } = app.engine;
  const epoch = (await store.reads.tokens.epochs(app.tenant.id)).at(-1)?.number ?? 0;
  const token = {
    tenantId: app.tenant.id,
    kind: 'phone',
    epoch,
    token: randomBytes(16),
    ownerId: hurt.callId,
  } as const;
  await store.write(async (tx) => await tx.tokens.insertTokens([token]));
  return async () => await store.write(async (tx) => await tx.tokens.deleteOfOwners([hurt.callId]));
}

async function spoilLeaf(): Promise<() => Promise<void>> {
  const place = Math.floor(Number(hurt.blob.split('-').at(-1)) / app.engine.tree.shape.fanOut);
  return await spoilPage(app.config, place);
}

async function loseJournalEntry(): Promise<() => Promise<void>> {
  const database = await rawDatabase(app.config);
  const move = async (from: string, to: string) =>
    await database.change('UPDATE journal SET id = ? WHERE id = ?', [to, from]);
  const journalId = (await items()).hurtItem?.journalId ?? '';
  expect(await move(journalId, 'elsewhere')).toBe(1);
  return async () => {
    await move('elsewhere', journalId);
    await database.close();
  };
}

describe('what is left of one call', () => {
  test.each([
    ['bytes that came back', 'blob_failed', bringBytesBack],
    ['bytes that cannot be looked for', 'blob_failed', hideBytes],
    ['a token', 'damage', addToken],
    ['keys in a page that does not open', 'damage', spoilLeaf],
    ['keys of which the journal says nothing', 'damage', loseJournalEntry],
  ])('(%s) keeps that call alone from being gone, until it is', async (_, failedCode, leave) => {
    let mend = async () => {};
    const left = faults.next('remove:recorded', async () => {
      mend = await leave();
    });
    await client.purge('/customer', { phoneNumber: '5125551234' });
    await left;
    await until(async () => (await items()).hurtItem?.state === 'failed');
    const { hurtItem, others } = await items();
    expect(hurtItem).toMatchObject({ failedCode, outcome: 'erased' });
    expect(others.map((item) => item.state)).toEqual(['verified', 'verified', 'verified', 'verified']);
    expect(await statuses()).toEqual(['NotFound', 'NotFound', 'Complete', 'NotFound', 'NotFound']);

    await mend();
    lapsedMs += 10 * 60_000;
    await untilQuiet(app.engine);
    expect((await items()).hurtItem).toMatchObject({ state: 'verified', failedCode: null });
    expect(await client.status('hurt')).toBe('NotFound');
  });
});

async function statuses(): Promise<(string | undefined)[]> {
  return await Promise.all(sessions.map(async (session) => await client.status(session)));
}
