import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { deleteRecording, depersonalizeCall } from '../../src/engine/erasure/depersonalize.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { fieldNames } from '../../src/http/twin24/search-fields.ts';
import { newId } from '../../src/lib/ids.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import { archiveCall, callInfo } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { archivePlatformCall, type PlatformSeed } from '../support/platform-calls.ts';
import { idsFound, type Row, rowOf, search, searchAnswer } from '../support/twin-search.ts';
import { botId, kept, nothing, personal, recordPath, whole } from '../support/whole-call.ts';

let app: TestApp;
let token: string;
const faults = new HookedFaults();
const waitMs = 20_000;

beforeAll(async () => {
  app = await startApp({ faults, env: { TACET_PUBLIC_URL: 'https://twin.example/archive' } });
  token = await app.token();
});
afterAll(async () => await app.close());

async function archived(seed: PlatformSeed = whole): Promise<string> {
  return await archivePlatformCall(app.engine, app.caller(), seed);
}

/** Starts an erasure and holds it where its gate stands and nothing is shredded yet. */
async function gated(callId: string, action: ErasureAction, keepRecording = false) {
  const gate = faults.stop('erase:gated');
  const erasing = eraseNow(app.engine, app.caller(), { action, keepRecording, callIds: [callId] });
  await gate.reached;
  return async () => {
    gate.goOn();
    await (await erasing)?.ended;
  };
}

describe('a row', () => {
  test('has every documented field, each of its type', async () => {
    const id = await archived();
    expect(await rowOf(app, token, id)).toEqual({ id, ...kept, ...personal, recordPath });
  });

  test('of a call of which nobody said anything has every field too, null or empty', async () => {
    const id = await archived({ startedAt: null });
    const silent = {
      ...{ taskId: null, taskName: null, botId: null, botName: null, clientExternalId: null, callbackData: {} },
      ...{ callFrom: null, shortNumber: null, status: null, currentStatusName: null, responder: null, price: null },
      ...{ transferredToOperator: false, duration: 0, regionId: null, timezone: null, startedAt: null },
      ...{ finishedAt: null, recordPath: null },
    };
    expect(await rowOf(app, token, id)).toEqual({ id, ...kept, ...nothing, ...silent });
  });

  test('of an incoming call has the ends of the line the other way round', async () => {
    const row = await rowOf(app, token, await archived({ ...whole, direction: 'inbound' }));
    const ends = { callFrom: '79991234567', callTo: '74951112233', phone: '79991234567', number: '79991234567' };
    expect(row).toMatchObject({ ...ends, isIncoming: true, type: 'INCOMING' });
  });

  test('has the fields asked for alone, trimmed, and unknown names are passed over', async () => {
    const id = await archived();
    const query = `id=${id}&fields=currentStatusName,%0A%20%20%20number,nobodyKnowsThis,,currentStatusName`;
    const { items } = await search(app, token, query);
    expect(items).toEqual([{ currentStatusName: 'ANSWERED', number: '79991234567' }]);
    expect(Object.keys((await search(app, token, `id=${id}&fields=`)).items[0] ?? {})).toEqual(fieldNames);
  });

  test('of results that are no object has them where they may be, and an object all the same', async () => {
    const id = await archived({ details: { results: 'done', nps: null } });
    const expected = { result: 'done', results: {}, resultsString: '"done"', confirmation: null, nps: null };
    expect(await rowOf(app, token, id)).toMatchObject(expected);
  });

  test('lifts from the results what clients look for beside them', async () => {
    const id = await archived({ details: { results: { nps: 7, confirmation: true, evaluation: { a: 1 } } } });
    expect(await rowOf(app, token, id)).toMatchObject({ nps: 7, confirmation: true, evaluation: null });
  });

  test('of a call from another surface is found by its id and says what is known', async () => {
    const id = await archiveCall(app, token, callInfo('other', { masterCallId: 'm' }));
    const row = await rowOf(app, token, id);
    expect(row).toMatchObject({ id, isIncoming: true, status: null, duration: 150, clientExternalId: null });
    expect(row['phone']).toMatch(/^\d+5125550\d+$|^5125550\d+$/);
    expect(row['recordPath']).toMatch(/\.wav$/);
  });
});

describe('after an erasure', () => {
  test.each([
    { keepRecording: false, path: null },
    { keepRecording: true, path: recordPath },
  ])('a depersonalized row keeps its keys and its skeleton ($keepRecording)', async ({ keepRecording, path }) => {
    const id = await archived();
    await depersonalizeCall(app.engine, app.caller(), id, { keepRecording, waitMs });
    expect(await rowOf(app, token, id)).toEqual({ id, ...kept, ...nothing, recordPath: path });
    expect(await idsFound(app, token, { phone: '79991234567', id })).toEqual([]);
  });

  test('of its recording a row has lost nothing but the link', async () => {
    const id = await archived();
    await deleteRecording(app.engine, app.caller(), id, { waitMs });
    expect(await rowOf(app, token, id)).toEqual({ id, ...kept, ...personal, recordPath: null });
  });

  test('that has begun and shredded nothing yet the row is as it will be, and its number finds nothing', async () => {
    const id = await archived();
    expect(await idsFound(app, token, { phone: '+7 999 123 45 67', id })).toEqual([id]);
    const finish = await gated(id, 'depersonalize');
    expect(await rowOf(app, token, id)).toEqual({ id, ...kept, ...nothing, recordPath: null });
    expect(await idsFound(app, token, { phone: '+7 999 123 45 67', id })).toEqual([]);
    expect(await idsFound(app, token, { results: personal.resultsString, id })).toEqual([]);
    await finish();
  });

  test('a purged call has no row, from the start of the purge on', async () => {
    const id = await archived();
    const finish = await gated(id, 'purge');
    expect(await search(app, token, { id })).toEqual({ count: 0, items: [] });
    await finish();
    expect(await search(app, token, { id })).toEqual({ count: 0, items: [] });
    expect(await search(app, token, { clientExternalId: 'order-77', id })).toEqual({ count: 0, items: [] });
  });
});

describe('whoever asks', () => {
  test('without a token or the scope is told so', async () => {
    expect((await app.http.inject('/analyse/api/v1/search/cis/calls')).statusCode).toBe(401);
    const answer = await searchAnswer(app, await app.token(['calls:write', 'admin']), {});
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toEqual({ error: expect.any(String) });
    // Whoever may not ask is not told how to.
    expect((await searchAnswer(app, await app.token(['admin']), { limit: 'x' })).statusCode).toBe(403);
  });

  test('for a call of another tenant finds nothing', async () => {
    const id = await archived();
    const slug = `other-${newId(Date.now())}`;
    const other = await app.token(undefined, await createTenant(app.engine, { slug, region: 'US' }));
    expect(await search(app, other, { id })).toEqual({ count: 0, items: [] });
    expect(await search(app, other, { phone: '79991234567' })).toEqual({ count: 0, items: [] });
  });

  test.each([
    '/analyse/api/v1/search/cis/calls',
    '/api/v1/search/cis/calls',
    '/analyse/api/v1/search/cis/sessions/',
    '/api/v1/search/cis/sessions/',
  ])('at %s finds the same', async (path) => {
    const id = await archived({});
    const headers = { authorization: `Bearer ${token}` };
    const answer = await app.http.inject({ method: 'GET', url: `${path}?id=${id}&fields=id`, headers });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toEqual({ count: 1, items: [{ id }] });
  });
});

describe('a long answer', () => {
  let ids: string[];
  beforeEach(async () => {
    ids = [];
    const turn = {
      text: 'word '.repeat(400),
      participant: null,
      role: 'bot',
      at: null,
      startMs: null,
      endMs: null,
      extra: {},
    };
    for (let i = 0; i < 150; i += 1) {
      const seed = { botId, correlation: { externalId: 'long' }, transcript: { turns: [turn] } };
      ids.push(await archived({ ...seed, startedAt: Date.parse('2020-01-01T00:00:00Z') + i }));
    }
  });

  test('is whole, counted and in order, though it is sent bit by bit', async () => {
    const found = await search(app, token, { clientExternalId: 'long', sort: 'startedAt', fields: 'id,messages' });
    expect(found.items.map((row: Row) => row['id'])).toEqual(ids);
    expect(found.count).toBe(150);
    const last = await search(app, token, { clientExternalId: 'long', fields: 'id', page: '1', limit: '100' });
    expect(last.items.map((row: Row) => row['id'])).toEqual(ids.toReversed().slice(100));
    expect(last.count).toBe(150);
  });
});
