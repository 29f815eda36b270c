import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';

let app: TestApp;
let client: PlanClient;

beforeEach(async () => {
  app = await startApp();
  client = new PlanClient(app, await app.token());
});
afterEach(async () => await app.close());

const phone = '+15125551234';

describe('a plan', () => {
  test('tells how each identifier was understood, in request order, and one bad one fails no other', async () => {
    const [first, second] = [await client.archive({ phone }), await client.archive({ phone, sessionId: 'S-1' })];
    const { status, body } = await client.plan({
      sessions: ['S-1', ''],
      phones: ['(512) 555-1234', 'no number'],
      emails: [' Casey@Example.COM '],
      calls: [first, 'nonsense', '018bcfe5-6d67-7eba-afd4-8f874f92eaa2'],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ state: 'planned', blockers: [], cancelReason: null, drift: null });
    expect(body.counts).toMatchObject({ items: 2, held: 0 });
    expect(body.identifiers).toEqual([
      { given: 'S-1', kind: 'session', understoodAs: 'S-1', items: 1 },
      { given: '', kind: 'session', understoodAs: null, items: 0 },
      { given: '(512) 555-1234', kind: 'phone', understoodAs: '+15125551234', items: 2 },
      { given: 'no number', kind: 'phone', understoodAs: null, items: 0 },
      { given: ' Casey@Example.COM ', kind: 'email', understoodAs: 'casey@example.com', items: 0 },
      { given: first, kind: 'call', understoodAs: first, items: 1 },
      { given: 'nonsense', kind: 'call', understoodAs: null, items: 0 },
      {
        given: '018bcfe5-6d67-7eba-afd4-8f874f92eaa2',
        kind: 'call',
        understoodAs: '018bcfe5-6d67-7eba-afd4-8f874f92eaa2',
        items: 0,
      },
    ]);
    const { items } = (await client.get(`/v1/erasures/${body.id}/items`)).body;
    expect(items.map((item: { callId: string }) => item.callId)).toEqual([first, second].sort());
    expect(items[0]).toMatchObject({ state: 'planned', outcome: null, candidateId: null, code: null });
    expect(items[0].artifacts.map((artifact: { kind: string }) => artifact.kind)).toEqual(['details', 'correlation']);
  });

  test('has every call that carries one of its identifiers and no other, whatever stands beside them', async () => {
    const people = await archivePeople();
    const known = people.flatMap(({ ways }, person) => ways.map((way) => ({ ...way, person })));
    const useless = [
      { list: 'phones', given: '+1 512 555 9999' },
      { list: 'phones', given: 'no number' },
      { list: 'sessions', given: '' },
      { list: 'sessions', given: 'S-0\ud800' },
      { list: 'calls', given: 'nonsense' },
      { list: 'candidates', given: people[0]?.id ?? '' },
    ].map((one) => ({ ...one, person: undefined }));
    const named = fc.uniqueArray(fc.constantFrom(...known, ...useless), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(named, async (some) => {
        const subject: Record<string, string[]> = {};
        for (const { list, given } of some) subject[list] = [...(subject[list] ?? []), given];
        const { status, body } = await client.plan(subject);
        expect(status).toBe(201);
        const { items } = (await client.get(`/v1/erasures/${body.id}/items`)).body;
        const wanted = people.filter((_, person) => some.some((one) => one.person === person));
        expect(items.map((item: { callId: string }) => item.callId)).toEqual(wanted.map(({ id }) => id).sort());
      }),
      { numRuns: 25 },
    );
  });

  test('of ten thousand identifiers has what any of them names, and counts for each what it names', async () => {
    const people = await archivePeople();
    const phones = Array.from({ length: 9996 }, (_, i) => `+1305${5_550_000 + i}`);
    const { status, body } = await client.plan({ phones: [...phones, ...people.map((one) => one.phone)] });
    expect(status).toBe(201);
    expect(body.counts.items).toBe(people.length);
    expect(body.identifiers).toHaveLength(10_000);
    const naming = body.identifiers.filter((one: { items: number }) => one.items > 0);
    expect(naming.map((one: { given: string }) => one.given)).toEqual(people.map((one) => one.phone));
  });

  test('takes no half of a character for another one', async () => {
    await client.archive({ phone, sessionId: 'S-\ufffd' });
    const { body } = await client.plan({ sessions: ['S-\ud800'] });
    expect(body).toMatchObject({ counts: { items: 0 }, identifiers: [{ understoodAs: null, items: 0 }] });
  });
});

/** Four calls, and how each can be named. */
async function archivePeople() {
  const people = [];
  for (let i = 0; i < 4; i += 1) {
    const call = { phone: `+1512555010${i}`, sessionId: `S-${i}` };
    const id = await client.archive(call);
    const ways = [
      { list: 'calls', given: id },
      { list: 'sessions', given: call.sessionId },
      { list: 'phones', given: `(512) 555-010${i}` },
    ];
    people.push({ id, phone: call.phone, ways });
  }
  return people;
}
