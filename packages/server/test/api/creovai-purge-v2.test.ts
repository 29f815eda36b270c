import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { audio } from '../support/creovai-forms.ts';
import { CreovaiWire, expectJson, expectRefused } from '../support/creovai-wire.ts';
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

type Word = 'Purging' | 'NotFound' | 'WhatIf';

function item(id: string | null, sessionId: string | null, status: Word) {
  return { id, sessionId, status, errorMsg: null };
}

/** Archives a call of these customers and gives its id. */
async function callOf(sessionId: string, ...customers: { phoneNumber?: string; email?: string; type?: string }[]) {
  const contacts = customers.map((customer) => ({ type: 'Customer', ...customer }));
  return await wire.archived(sessionId, { contacts });
}

async function expectGone(...sessionIds: string[]): Promise<void> {
  for (const sessionId of sessionIds) {
    await until(async () => (await wire.statusOf(sessionId)) === 'NotFound');
  }
}

async function expectThere(...callIds: string[]): Promise<void> {
  for (const callId of callIds) expect((await wire.recording(callId)).equals(audio)).toBe(true);
}

describe('purging by id', () => {
  test('answers one item per id, in the order asked and with its repeats, echoing each verbatim', async () => {
    const one = await callOf('one');
    const two = await callOf('two');
    const ids = [two, 'bbbqfbbbow', one, two, '', one.toUpperCase()];
    const answer = await wire.post('//Interactions/V2//Purge', { Ids: ids, AllowIncompleteInteraction: false });
    const items = [
      item(two, 'two', 'Purging'),
      item('bbbqfbbbow', null, 'NotFound'),
      item(one, 'one', 'Purging'),
      item(two, 'two', 'Purging'),
      item('', null, 'NotFound'),
      item(one.toUpperCase(), null, 'NotFound'),
    ];
    expectJson(answer, { items });
    await expectGone('one', 'two');
    expectJson(await wire.post(byId, { ids: [one] }), { items: [item(one, null, 'NotFound')] });
  });

  test('of an empty list is a request like any other', async () => {
    for (const route of [byId, bySession]) expectJson(await wire.post(route, { ids: [] }), { items: [] });
  });
});

test('purging by session id answers one item per id, in the order asked and with its repeats', async () => {
  const one = await callOf('one');
  const two = await callOf('two');
  const three = await callOf('three');
  const items = [
    item(two, 'two', 'Purging'),
    item(null, 'nobody', 'NotFound'),
    item(one, 'one', 'Purging'),
    item(two, 'two', 'Purging'),
    item(null, 'ONE', 'NotFound'),
  ];
  expectJson(await wire.post(bySession, { ids: ['two', 'nobody', 'one', 'two', 'ONE'] }), { items });
  await expectGone('one', 'two');
  await expectThere(three);
});

test('purging a session of which only metadata has come says Purging without an id, and NotFound after', async () => {
  await wire.post('/capture/v2/outofband/interaction', { sessionId: 'early', metadata: { a: 1 } });
  expectJson(await wire.post(`${bySession}?whatIf=true`, { ids: ['early'] }), {
    items: [item(null, 'early', 'WhatIf')],
  });
  expectJson(await wire.post(bySession, { ids: ['early'] }), { items: [item(null, 'early', 'Purging')] });
  await Promise.all(scene.app.engine.background);
  expectJson(await wire.post(bySession, { ids: ['early'] }), { items: [item(null, 'early', 'NotFound')] });
});

describe('purging a customer', () => {
  const phoneNumber = '+15125550142';
  const email = 'casey@example.com';

  test('takes every call that carries any of the numbers or e-mails, oldest first, each once', async () => {
    const first = await callOf('first', { phoneNumber });
    const other = await callOf('other', { phoneNumber: '+15125550177', email: 'other@example.com' });
    const second = await callOf('second', { email: 'Casey@Example.com' });
    const third = await callOf('third', { phoneNumber: '(512) 555-0143', email }, { phoneNumber });
    const asked = { phoneNumbers: ['512-555-0143', phoneNumber, '+19995550100'], emails: [` ${email}`, email] };
    const items = [item(first, 'first', 'Purging'), item(second, 'second', 'Purging'), item(third, 'third', 'Purging')];
    expectJson(await wire.post(byCustomer, asked), { items });
    await expectGone('first', 'second', 'third');
    await expectThere(other);
  });

  test('may name numbers alone, or e-mails alone', async () => {
    const byPhone = await callOf('by-phone', { phoneNumber });
    const byEmail = await callOf('by-email', { email });
    const asked = { phoneNumbers: null, emails: [email], allowIncompleteInteraction: null };
    expectJson(await wire.post(byCustomer, asked), { items: [item(byEmail, 'by-email', 'Purging')] });
    const items = [item(byPhone, 'by-phone', 'Purging')];
    expectJson(await wire.post(byCustomer, { PhoneNumbers: [phoneNumber] }), { items });
  });

  test('is understood in the form of 2.0.0-pre.0, where one list holds both', async () => {
    const byPhone = await callOf('by-phone', { phoneNumber });
    const byEmail = await callOf('by-email', { email });
    const items = [item(byPhone, 'by-phone', 'Purging'), item(byEmail, 'by-email', 'Purging')];
    expectJson(await wire.post(byCustomer, { ids: [email, phoneNumber] }), { items });
  });

  test('never takes a call for the number or e-mail of an agent, nor for the number dialled', async () => {
    const kept = await callOf('kept', { type: 'Agent', phoneNumber, email }, { phoneNumber: '+15125550177' });
    expectJson(await wire.post(byCustomer, { phoneNumbers: [phoneNumber, '+15125550199'], emails: [email] }), {
      items: [],
    });
    await expectThere(kept);
  });

  test('whom nobody knows is answered with an empty list', async () => {
    const asked = { phoneNumbers: ['+19995550100'], emails: ['nobody@example.com'] };
    expectJson(await wire.post(byCustomer, asked), { items: [] });
  });

  test('who is not named, or could match nobody, is refused, and nobody is purged', async () => {
    const kept = await callOf('kept', { phoneNumber, email });
    const long = Array.from({ length: 101 }, (_, i) => `${i}@example.com`);
    const refusals: [unknown, RegExp][] = [
      [{}, /name somebody/],
      [{ phoneNumbers: [], emails: null }, /name somebody/],
      [{ ids: [] }, /name somebody/],
      [{ phoneNumber }, /name somebody/],
      [{ phoneNumbers: phoneNumber }, /^phoneNumbers must be an array$/],
      [{ phoneNumbers: [phoneNumber], emails: email }, /^emails must be an array$/],
      [{ phoneNumbers: [phoneNumber, 'anonymous'] }, /^phoneNumbers\[1\] must have a digit$/],
      [{ phoneNumbers: [phoneNumber], emails: [email, ' '] }, /^emails\[1\] must not be blank$/],
      [{ ids: [phoneNumber, email, ''] }, /^ids\[2\] must have a digit$/],
      [{ ids: [phoneNumber], emails: [email] }, /^ids must not be given together/],
      [{ phoneNumbers: [phoneNumber], emails: long }, /^emails must have at most 100 entries$/],
      [{ phoneNumbers: [phoneNumber], allowIncompleteInteraction: 'true' }, /^allowIncompleteInteraction must be/],
    ];
    for (const [body, words] of refusals) {
      const answer = await wire.post(byCustomer, body);
      expectRefused(answer, 400, words);
      expect(answer.body.toString()).not.toContain('555');
    }
    await expectThere(kept);
  });
});

type Request = { route: string; body: Record<string, unknown> };

/** Each way to purge the call of session `one`. */
async function requestsForOne(): Promise<Request[]> {
  const id = await callOf('one', { phoneNumber: '+15125550142', email: 'casey@example.com' });
  return [
    { route: byId, body: { ids: [id] } },
    { route: bySession, body: { ids: ['one'] } },
    { route: byCustomer, body: { emails: ['casey@example.com'] } },
  ];
}

describe.each([byId, bySession, byCustomer])('POST %s', (route) => {
  let id: string;
  let body: Record<string, unknown>;

  beforeEach(async () => {
    body = (await requestsForOne()).find((request) => request.route === route)?.body ?? {};
    id = ((await wire.get('/capture/v2/status/one')).json as { id: string }).id;
  });

  test('with whatIf says what would be purged, and purges nothing', async () => {
    for (const query of ['whatIf=true', 'WHATIF=True']) {
      expectJson(await wire.post(`${route}?${query}`, body), { items: [item(id, 'one', 'WhatIf')] });
    }
    expect(await wire.statusOf('one')).toBe('Complete');
    await expectThere(id);
    expectJson(await wire.post(`${route}?whatIf=false`, body), { items: [item(id, 'one', 'Purging')] });
  });

  test('with a whatIf that is neither true nor false purges nothing', async () => {
    for (const query of ['whatIf=yes', 'whatIf=true&whatif=false', 'whatIf=1']) {
      expectRefused(await wire.post(`${route}?${query}`, body), 400, /^whatIf must be true or false/);
    }
    await expectThere(id);
  });

  test('with a flag that is no boolean purges nothing', async () => {
    for (const allowIncompleteInteraction of ['true', 'false', 1, 0, [], {}]) {
      const answer = await wire.post(route, { ...body, allowIncompleteInteraction });
      expectRefused(answer, 400, /^allowIncompleteInteraction must be true or false$/);
    }
    await expectThere(id);
  });

  test('with a body that is no JSON object purges nothing', async () => {
    for (const text of ['', 'null', '[]', '{"ids": [', '"ids"']) {
      expectRefused(await wire.post(route, text), 400, /JSON/);
    }
    expectRefused(await wire.postNothing(route), 400, /JSON object/);
    await expectThere(id);
  });

  test('needs the scope erasures:execute, and for what-if at least erasures:preview', async () => {
    const previewer = await wire.within(['calls:read', 'calls:write', 'erasures:preview', 'holds:write', 'admin']);
    expectRefused(await previewer.post(route, body), 403, /erasures:execute/);
    expect((await previewer.post(`${route}?whatIf=true`, body)).json).toEqual({ items: [item(id, 'one', 'WhatIf')] });
    const reader = await wire.within(['calls:read', 'calls:write']);
    expectRefused(await reader.post(`${route}?whatIf=true`, body), 403, /erasures:preview/);
    expectRefused(await wire.withToken('nonsense').post(route, body), 401);
    await expectThere(id);
    const eraser = await wire.within(['erasures:execute']);
    expectJson(await eraser.post(route, body), { items: [item(id, 'one', 'Purging')] });
  });

  test('never reaches the call of another tenant, nor says that there is one', async () => {
    const stranger = await CreovaiWire.start(scene.app);
    const echoes = new Map([
      [byId, item(id, null, 'NotFound')],
      [bySession, item(null, 'one', 'NotFound')],
    ]);
    const items = [echoes.get(route) ?? []].flat();
    for (const query of ['', '?whatIf=true']) expectJson(await stranger.post(`${route}${query}`, body), { items });
    await expectThere(id);
  });

  test('leaves a call under a legal hold alone and says so, until the hold is released', async () => {
    const caller = { ...scene.app.caller(), tenant: wire.tenant };
    const held = { callIds: [id], identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case in court' };
    const hold = await placeHold(scene.app.engine, caller, held);
    const items = [{ id, sessionId: 'one', status: 'Error', errorMsg: 'legal hold' }];
    for (const query of ['', '?whatIf=true']) expectJson(await wire.post(`${route}${query}`, body), { items });
    await expectThere(id);
    await releaseHold(scene.app.engine, caller, hold.id);
    expectJson(await wire.post(route, body), { items: [item(id, 'one', 'Purging')] });
  });
});

test.each([byId, bySession])(
  'POST %s refuses a list of ids that is missing, too long or not of strings',
  async (route) => {
    const kept = await callOf('one');
    const named = route === byId ? kept : 'one';
    const long = [named, ...Array.from({ length: 100 }, (_, i) => `id${i}`)];
    for (const ids of [undefined, null, named, { 0: named }, [named, 7], [named, null], [named, 'a\0'], long]) {
      expectRefused(await wire.post(route, { ids }), 400, /^ids/);
    }
    await expectThere(kept);
  },
);
