import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { csvRecords } from '../../src/http/native/erasures/csv-records.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';

let app: TestApp;
let client: PlanClient;

beforeAll(async () => {
  app = await startApp();
  client = new PlanClient(app, await app.token());
});
afterAll(async () => await app.close());

async function send(type: string, text: string, query = '?action=purge') {
  return await client.post(`/v1/erasures${query}`, text, { 'content-type': type });
}

async function recordsOf(chunks: readonly string[], lengthMax = 1000) {
  const records: (string[] | undefined)[] = [];
  const text = (async function* () {
    yield* chunks;
  })();
  for await (const record of csvRecords(text, { lengthMax })) records.push(record);
  return records;
}

describe('a CSV text', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é') });

  test('is read as RFC 4180 writes it, wherever it is cut', async () => {
    const records = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(records, fc.nat(40), async (written, at) => {
        const text = written.map((one) => one.map((each) => `"${each.replaceAll('"', '""')}"`).join(',')).join('\r\n');
        expect(await recordsOf([text.slice(0, at), text.slice(at)])).toEqual(written);
      }),
    );
  });

  test('is read without quotes, with any end of line, a byte order mark and blank lines', async () => {
    expect(await recordsOf(['\uFEFFa,b\n\r\nc,"d""e"\r\nf,'])).toEqual([
      ['a', 'b'],
      ['c', 'd"e'],
      ['f', ''],
    ]);
  });

  test('gives a line with a wrong quote as none, and loses no other to it', async () => {
    const text = 'a,"1\nb,2\nc,"3\nd,4"5\ne,"6"7\n"f"\r,8\ng,9\nh,"10';
    const none = undefined;
    const records = [none, ['b', '2'], none, none, none, none, ['g', '9'], none];
    for (let at = 0; at <= text.length; at += 1) {
      expect(await recordsOf([text.slice(0, at), text.slice(at)])).toEqual(records);
    }
  });

  test('gives a record that is too long as none, and goes on behind its line', async () => {
    expect(await recordsOf([`a,b\n${'x'.repeat(30)}\nc,d\n`], 20)).toEqual([['a', 'b'], undefined, ['c', 'd']]);
  });
});

describe('a subject that comes as a file', () => {
  test('is planned as the same one in a body is, and a bad line fails no other', async () => {
    const callId = await client.archive({ phone: '+15125551234', sessionId: 'S,"1"' });
    const csv = `kind,value\r\nphone,(512) 555-1234\r\nsession,"S,""1"""\r\nnonsense\r\ncall,${callId}\r\nplanet,x\r\n`;
    const lines = [
      { kind: 'phone', value: '(512) 555-1234' },
      { kind: 'session', value: 'S,"1"' },
      'nonsense',
      { kind: 'call', value: callId },
      { kind: 'planet', value: 'x' },
    ];
    const lineOf = (place: number) => JSON.stringify(lines[place]);
    const ndjson = lines.map((_, place) => lineOf(place)).join('\n');
    for (const [type, text] of [
      ['text/csv', csv],
      ['text/csv; charset=utf-8', csv],
      ['application/x-ndjson', ndjson],
    ] as const) {
      const { status, body } = await send(type, text);
      expect(status).toBe(201);
      expect(body.counts.items).toBe(1);
      expect(body.identifiers).toMatchObject([
        { understoodAs: '+15125551234', items: 1 },
        { understoodAs: 'S,"1"', items: 1 },
        { kind: null, given: type.includes('csv') ? 'nonsense' : '"nonsense"', understoodAs: null, items: 0 },
        { kind: 'call', understoodAs: callId, items: 1 },
        { kind: null, given: type.includes('csv') ? 'planet,x' : lineOf(4), understoodAs: null, items: 0 },
      ]);
    }
  });

  test('is refused without an action, with another header, another type, or bytes that are no text', async () => {
    const good = 'kind,value\nphone,1\n';
    expect(await send('text/csv', good, '')).toMatchObject({ status: 400, body: { code: 'input_invalid' } });
    expect(await send('text/csv', 'phone\n1\n')).toMatchObject({ status: 400 });
    expect(await send('text/csv', '')).toMatchObject({ status: 400 });
    expect(await send('application/pdf', good)).toMatchObject({
      status: 415,
      body: { code: 'media_type_unsupported' },
    });
    const { body, status } = await send('text/csv', good, '?action=purge&keepRecording=true');
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'input_invalid' });
  });

  test('may name more than a body may', async () => {
    const many = Array.from({ length: 10_001 }, (_, i) => `phone,+1512${5_550_000 + i}`).join('\n');
    const { status, body } = await send('text/csv', `kind,value\n${many}`);
    expect(status).toBe(201);
    expect(body.identifiers).toHaveLength(10_001);
    const inBody = await client.plan({ phones: Array.from({ length: 10_001 }, (_, i) => String(i)) });
    expect(inBody).toMatchObject({ status: 400, body: { code: 'input_invalid' } });
  });
});
