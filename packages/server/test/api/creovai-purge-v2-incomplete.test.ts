import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CreovaiClient } from '../support/creovai-client.ts';
import { CreovaiWire, expectJson } from '../support/creovai-wire.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let wire: CreovaiWire;

beforeAll(async () => {
  scene = await startScene();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(scene.app);
});
afterAll(async () => await scene.end());

const byId = '/interactions/v2/purge';
const bySession = '/interactions/v2/purge/sessions';
const byCustomer = '/interactions/v2/purge/customer';

describe('an interaction that is not complete', () => {
  const phone = '+15125550142';

  /** Begins an upload. Its `end` sends what is missing and gives the status of its answer. */
  async function uploading(): Promise<{ id: string; end: () => Promise<number> }> {
    const client = new CreovaiClient(scene.app.http.listeningOrigin, wire.token);
    const slow = client.slowUpload('slow', phone);
    await until(async () => (await wire.statusOf('slow')) === 'InProgress');
    const { id } = (await wire.get('/capture/v2/status/slow')).json as { id: string };
    const end = async () => {
      slow.end();
      return await slow.answer;
    };
    return { id, end };
  }

  test('is left alone and said to be incomplete, and its upload succeeds', async () => {
    const { id, end } = await uploading();
    const refused = { status: 'Error', errorMsg: 'interaction is incomplete' };
    for (const flag of [{}, { allowIncompleteInteraction: false }, { allowIncompleteInteraction: null }]) {
      for (const query of ['', '?whatIf=true']) {
        const named = await wire.post(`${byId}${query}`, { ids: [id], ...flag });
        expectJson(named, { items: [{ id, sessionId: null, ...refused }] });
        const bySessionId = await wire.post(`${bySession}${query}`, { ids: ['slow'], ...flag });
        expectJson(bySessionId, { items: [{ id, sessionId: 'slow', ...refused }] });
        const found = await wire.post(`${byCustomer}${query}`, { phoneNumbers: [phone], ...flag });
        expectJson(found, { items: [{ id, sessionId: null, ...refused }] });
      }
    }
    expect(await end()).toBe(200);
    const purged = { id, sessionId: 'slow', status: 'Purging', errorMsg: null };
    expectJson(await wire.post(bySession, { ids: ['slow'] }), { items: [purged] });
  });

  test.each([
    [bySession, { ids: ['slow'] }, 'slow'],
    [byCustomer, { phoneNumbers: [phone] }, null],
  ])('is purged by %s with allowIncompleteInteraction, and its upload is refused', async (route, body, sessionId) => {
    const { id, end } = await uploading();
    const asked = { ...body, allowIncompleteInteraction: true };
    const found = { id, sessionId, errorMsg: null };
    expectJson(await wire.post(`${route}?whatIf=true`, asked), { items: [{ ...found, status: 'WhatIf' }] });
    expectJson(await wire.post(route, asked), { items: [{ ...found, status: 'Purging' }] });
    expect(await end()).toBe(400);
    await until(async () => (await wire.statusOf('slow')) === 'NotFound');
  });
});
