/** Calls that a platform archives while they are to be dialled, or being spoken, as Creovai's clients see them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialStatuses } from '../../src/model/call.ts';
import { post } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { NativeClient, startedAt } from '../support/native-client.ts';

let app: TestApp;
let client: NativeClient;
let token: string;

beforeAll(async () => {
  app = await startApp();
  token = await app.token();
  client = new NativeClient(app, token);
});
afterAll(async () => await app.close());

const live = ['SCHEDULED', 'DIAL', 'INPROGRESS'];

async function statusOf(session: string) {
  const v1 = await post(app, token, '/callCapture/v1/status', { callSessionIds: [session] });
  return v1.json<{ callSessions: [{ status: string }] }>().callSessions[0].status;
}

test.each(dialStatuses)('a call that is %s has the word for it', async (status) => {
  const sessionId = `is-${status}`;
  const id = await client.archived({ startedAt, sessionId, status });
  const word = live.includes(status) ? 'InProgress' : 'Complete';
  expect(await statusOf(sessionId)).toBe(word);
  const headers = { authorization: `Bearer ${token}` };
  const v2 = await app.http.inject({ method: 'GET', url: `/capture/v2/status/${sessionId}`, headers });
  expect(v2.json()).toMatchObject({ status: word, id });
});

describe('a purge', () => {
  const phone = '+15125550142';
  const incomplete = { status: 'Error', errorMsg: 'interaction is incomplete' };

  test('of version 2 leaves a live call alone and says so, however it is named, until the call is over', async () => {
    const live = { startedAt, sessionId: 'left', status: 'DIAL', participants: [{ phone }] };
    const id = await client.archived(live);
    const asked: [route: string, body: object][] = [
      ['/interactions/v2/purge', { ids: [id] }],
      ['/interactions/v2/purge/sessions', { ids: ['left'] }],
      ['/interactions/v2/purge/customer', { phoneNumbers: [phone] }],
    ];
    for (const [route, body] of asked) {
      for (const query of ['', '?whatIf=true']) {
        const answer = await post(app, token, `${route}${query}`, body);
        expect(answer.json()).toEqual({ items: [{ id, sessionId: 'left', ...incomplete }] });
      }
    }
    expect(await statusOf('left')).toBe('InProgress');
    expect((await client.patch(id, { status: 'ANSWERED' })).status).toBe(200);
    expect(await statusOf('left')).toBe('Complete');
    const answer = await post(app, token, '/interactions/v2/purge', { ids: [id] });
    expect(answer.json()).toMatchObject({ items: [{ id, status: 'Purging', errorMsg: null }] });
  });

  test.each([
    ['/purge/v1/calls', {}],
    ['/interactions/v2/purge', { allowIncompleteInteraction: true }],
  ])('by %s with %j takes a live call like any other', async (route, flag) => {
    const id = await client.archived({ startedAt, sessionId: `taken by ${route}`, status: 'INPROGRESS' });
    const answer = await post(app, token, route, { ids: [id], ...flag });
    expect(answer.json()).toMatchObject({ items: [{ status: 'Purging' }] });
    expect(await app.engine.store.reads.calls.find(app.tenant.id, id)).toBeUndefined();
  });
});
