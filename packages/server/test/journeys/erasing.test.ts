import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { untilQuiet } from '../crash/quiet.ts';
import type { CreovaiClient } from '../support/creovai-client.ts';
import type { TestApp } from '../support/harness.ts';
import type { HookedFaults } from '../support/hooked-faults.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const noReason = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };

let scene: Scene;
let app: TestApp;
let client: CreovaiClient;
let faults: HookedFaults;

beforeEach(async () => {
  scene = await startScene();
  ({ app, client, faults } = scene);
});

afterEach(async () => await scene.end());

describe('a customer who asks to be forgotten', () => {
  test('is found however the number is written, previewed, purged, and gone for good', async () => {
    const [first, second] = [
      await scene.archived('s-1', '(512) 555-1234'),
      await scene.archived('s-2', '+15125551234'),
    ];
    const other = await scene.archived('s-3', '+15125559999');
    const preview = await client.purge('/customer?whatIf=true', { phoneNumber: '512.555.1234' });
    expect(preview).toEqual([
      { callId: first, sessionId: 's-1', status: 'WhatIf', errorMsg: null },
      { callId: second, sessionId: 's-2', status: 'WhatIf', errorMsg: null },
    ]);
    await scene.expectPlays(first);

    const looking = faults.stop('verify:looked');
    const purged = await client.purge('/customer', { phoneNumber: '1-512-555-1234' });
    expect(purged.map((item) => [item.callId, item.sessionId, item.status])).toEqual([
      [first, 's-1', 'Purging'],
      [second, 's-2', 'Purging'],
    ]);
    expect((await client.recording(first)).status).toBe(404);
    await looking.reached;
    expect(await client.status('s-1')).toBe('Complete');
    expect((await client.purge('', { ids: [first] }))[0]?.status).toBe('Purging');
    looking.goOn();
    await untilQuiet(app.engine);
    expect(await client.status('s-1')).toBe('NotFound');
    expect((await client.purge('', { ids: [first] }))[0]?.status).toBe('NotFound');
    expect(await client.purge('/customer', { phoneNumber: '5125551234' })).toEqual([]);

    const retried = await client.archive('s-1', '+15125551234', scene.audio);
    expect(retried.status).toBe(400);
    expect(await client.status('s-1')).toBe('NotFound');
    await scene.expectPlays(other);
  });

  test('has a running download cut within a second of the purge', async () => {
    const long = Buffer.alloc(32 * 1024 * 1024, 7);
    const callId = await scene.archived('long', '+15125551234', long);
    const reader = (await client.recording(callId)).body?.getReader();
    let received = (await reader?.read())?.value?.length ?? 0;
    await client.purge('', { ids: [callId] });
    scene.lapse(1000);
    const rest = async () => {
      for (let next = await reader?.read(); next?.value; next = await reader?.read()) received += next.value.length;
    };
    await expect(rest()).rejects.toThrow();
    expect(received).toBeLessThan(long.length);
  });
});

describe('a legal hold', () => {
  test('makes a purge answer Error and change nothing, until it is released', async () => {
    const callId = await scene.archived('held', '+15125551234');
    const hold = await placeHold(app.engine, app.caller(), { ...noReason, callIds: [callId] });
    const before = await app.engine.store.reads.erasures.page('', 10);
    const refused = { callId, sessionId: 'held', status: 'Error', errorMsg: 'legal hold' };
    expect(await client.purge('', { ids: [callId] })).toEqual([refused]);
    expect(await client.purge('/customer', { phoneNumber: '5125551234' })).toEqual([refused]);
    expect(await app.engine.store.reads.erasures.page('', 10)).toEqual(before);
    expect(await client.status('held')).toBe('Complete');
    await scene.expectPlays(callId);

    await releaseHold(app.engine, app.caller(), hold.id);
    expect((await client.purge('', { ids: [callId] }))[0]?.status).toBe('Purging');
    await untilQuiet(app.engine);
    expect(await client.status('held')).toBe('NotFound');
  });

  test('however often placed on a session before its call came, holds the call and does not hide it', async () => {
    const identifiers = [{ kind: 'session', value: 'awaited' }] as const;
    for (let i = 0; i < 3; i += 1) await placeHold(app.engine, app.caller(), { ...noReason, callIds: [], identifiers });
    const callId = await scene.archived('awaited', '+15125551234');
    expect(await scene.archived('awaited', '+15125551234')).toBe(callId);
    expect(await client.status('awaited')).toBe('Complete');
    expect((await client.purge('/sessions', { ids: ['awaited'] }))[0]?.errorMsg).toBe('legal hold');
  });

  test('placed between the plan and the shredding is honoured', async () => {
    const [held, free] = [await scene.archived('held', '+15125551234'), await scene.archived('free', '+15125551234')];
    const placing = faults.next('erase:gated', async () => {
      await placeHold(app.engine, app.caller(), { ...noReason, callIds: [held] });
    });
    const answer = await client.purge('/customer', { phoneNumber: '5125551234' });
    await placing;
    expect(answer.map((item) => [item.callId, item.status, item.errorMsg])).toEqual([
      [held, 'Error', 'legal hold'],
      [free, 'Purging', null],
    ]);
    await untilQuiet(app.engine);
    await scene.expectPlays(held);
    expect(await client.status('held')).toBe('Complete');
    expect(await client.status('free')).toBe('NotFound');
    expect((await client.purge('', { ids: [held] }))[0]?.errorMsg).toBe('legal hold');
  });
});

describe('two purges at once', () => {
  test('of overlapping calls both say Purging, and every call goes once', async () => {
    const ids = [
      await scene.archived('a', '+15125551234'),
      await scene.archived('b', '+15125551234'),
      await scene.archived('c', '+15125550000'),
    ];
    const answers = await Promise.all([
      client.purge('/customer', { phoneNumber: '5125551234' }),
      client.purge('', { ids: ids.slice(1) }),
      client.purge('/sessions', { ids: ['c', 'a'] }),
    ]);
    for (const item of answers.flat()) expect(item.status).toBe('Purging');
    await untilQuiet(app.engine);
    for (const session of ['a', 'b', 'c']) expect(await client.status(session)).toBe('NotFound');
    expect(await scene.storedBlobs()).toEqual([]);
    const erased = (await app.engine.store.reads.journal.page('', 100)).filter((entry) => entry.kind === 'item_erased');
    expect(erased.map((entry) => entry.ownerId).sort()).toEqual(ids.sort());
  });

  test('never let a call be called gone while its bytes are still there', async () => {
    const callId = await scene.archived('a', '+15125551234');
    const planned = faults.stop('erase:planned');
    const second = client.purge('', { ids: [callId] });
    await planned.reached;
    const shredded = faults.stop('erase:shredded');
    const first = client.purge('/sessions', { ids: ['a'] });
    await shredded.reached;
    planned.goOn();
    expect((await second)[0]?.status).toBe('Purging');
    await until(async () => (await client.status('a')) === 'NotFound');
    expect(await scene.storedBlobs()).toEqual([]);
    shredded.goOn();
    expect((await first)[0]?.status).toBe('Purging');
  });
});
