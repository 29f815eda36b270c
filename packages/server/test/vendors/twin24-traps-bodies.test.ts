import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { TwinWire, twinGateways, wholeCall } from '../support/twin-wire.ts';

const { iam, cis } = twinGateways;
const json = 'Content-Type: application/json';

let app: TestApp;
let wire: TwinWire;

beforeAll(async () => {
  app = await startApp();
  await app.listen();
});
beforeEach(async () => {
  wire = await TwinWire.start(app);
});
afterAll(async () => await app.close());

/** A call of a candidate, each new, and the three requests that erase something of them. */
async function erasable() {
  const candidateId = await wire.candidate(await wire.task());
  const callId = await wire.call({ candidateId });
  return {
    candidateId,
    callId,
    lines: [
      `POST ${cis}/calls/${callId}/depersonalization`,
      `DELETE ${cis}/calls/${callId}/record`,
      `POST ${cis}/telephony/autoCallCandidate/${candidateId}/depersonalization`,
    ],
  };
}

/** Everything that is posted without a body, on a task and a candidate of its own. */
async function bodiless(): Promise<string[]> {
  const { lines, candidateId } = await erasable();
  const { autoCallId } = await wire.readCandidate(candidateId);
  const task = `${cis}/telephony/autoCall/${autoCallId}`;
  const cancel = `${cis}/telephony/autoCallCandidate/cancel?autoCallId=${autoCallId}&phone=79261234567`;
  return [`POST ${task}/play`, `POST ${task}/pause`, `POST ${cancel}`, `POST ${task}/halted`, ...lines];
}

test('7.2 success of what answers nothing is 200 with no byte and no Content-Type', async () => {
  for (const line of await bodiless()) {
    const answer = await wire.raw(line, []);
    expect([answer.status, answer.body.length], line).toEqual([200, 0]);
    expect(answer.headers.get('content-length')).toBe('0');
    for (const name of ['content-type', 'transfer-encoding', 'location']) expect(answer.headers.has(name)).toBe(false);
  }
});

describe('7.3 the audio is deleted by default', () => {
  const deleting = [
    '',
    '{}',
    '[]',
    '{"skipDeleteRecord":false}',
    '{"skipDeleteRecord":null}',
    '{"skipdeleterecord":true}',
  ];
  const refused = ['"true"', '"false"', '1', '0', '[]', '[true]', '{}', '""', '"yes"'];

  test.each(['call', 'candidate'] as const)('by the method of the %s; only JSON true keeps it', async (of) => {
    for (const body of deleting) {
      const { callId, lines } = await erasable();
      const line = lines[of === 'call' ? 0 : 2] ?? '';
      expect((await wire.raw(line, [json, `Content-Length: ${body.length}`], body)).status, body).toBe(200);
      expect(await wire.hasAudio(callId), body).toBe(false);
    }
    const { callId, lines } = await erasable();
    const line = lines[of === 'call' ? 0 : 2] ?? '';
    const keep = '{"skipDeleteRecord":true}';
    expect((await wire.raw(line, [json, `Content-Length: ${keep.length}`], keep)).status).toBe(200);
    expect(await wire.hasAudio(callId)).toBe(true);
    expect(await wire.row(callId, 'phone')).toEqual({ phone: null });
  });

  test('and a flag that is no truth value is refused, not guessed at: nothing is erased', async () => {
    const { callId, candidateId } = await erasable();
    const before = [await wire.row(callId, 'phone,results,messages'), await wire.readCandidate(candidateId)];
    for (const value of refused) {
      const body = `{"skipDeleteRecord":${value}}`;
      expect(await wire.depersonalize(callId, body), value).toBe(400);
      expect(await wire.depersonalizeCandidate(candidateId, body), value).toBe(400);
    }
    expect([await wire.row(callId, 'phone,results,messages'), await wire.readCandidate(candidateId)]).toEqual(before);
    expect(await wire.hasAudio(callId)).toBe(true);
  });
});

describe('7.4 an empty array is what PHP makes of an empty map', () => {
  test('as the body of each of the three methods, DELETE among them', async () => {
    for (const at of [0, 1, 2]) {
      const { callId, lines } = await erasable();
      expect((await wire.raw(lines[at] ?? '', [json, 'Content-Length: 2'], '[]')).status).toBe(200);
      expect(await wire.hasAudio(callId)).toBe(false);
    }
  });

  test('and one that is not empty is no map', async () => {
    const { callId, lines } = await erasable();
    for (const line of lines) {
      for (const body of ['[[]]', '[{}]', '[true]', '["skipDeleteRecord"]']) {
        expect((await wire.raw(line, [json, `Content-Length: ${body.length}`], body)).status, body).toBe(400);
      }
    }
    expect(await wire.hasAudio(callId)).toBe(true);
  });

  test('within bodies: extra, variables, callbackData, webhookUrls, options', async () => {
    const { email, password } = wire.user;
    expect((await wire.post(`${iam}/auth/login`, { email, password, extra: [] })).status).toBe(200);
    const options = { additionalOptions: [], redialStrategyOptions: [], webhookUrls: [], callbackData: [] };
    const taskId = await wire.task(options);
    const shown = { additionalOptions: {}, redialStrategyOptions: {}, webhookUrls: [], callbackData: [] };
    expect((await wire.get(`${cis}/telephony/autoCall/${taskId}`)).json).toMatchObject(shown);
    const id = await wire.candidate(taskId, { variables: [], callbackData: [] });
    expect(await wire.readCandidate(id)).toMatchObject({ variables: {}, callbackData: [] });
  });
});

describe('7.5 a request without a body', () => {
  const forms: [string, string[], string?][] = [
    ['with neither length nor type, as curl sends it', []],
    ['with a type and no length', [json]],
    ['with no type and length 0, as Python sends it', ['Content-Length: 0']],
    ['with a type and length 0, as Go sends it', [json, 'Content-Length: 0']],
    ['with the type of a form and length 0', ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 0']],
    ['in chunks of which there are none', [json, 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ];
  test.each(forms)('%s is taken wherever none is needed', async (_form, headers, body = '') => {
    for (const line of await bodiless()) {
      const answer = await wire.raw(line, headers, body);
      expect([answer.status, answer.body.toString()], line).toEqual([200, '']);
    }
  });
});

describe('7.12 types', () => {
  test('are taken loosely, numbers as text and truth values for numbers, and given back strictly', async () => {
    const hook = { url: 'https://client.example/hook' };
    const settings = [
      [
        { cps: '0.97', additionalOptions: { recTrimLeft: true, recordCall: 1 } },
        { cps: 0.97, additionalOptions: { recTrimLeft: 1, recordCall: 1 }, webhookUrls: [] },
      ],
      [
        { cps: 1.05, additionalOptions: { recTrimLeft: 0, recordCall: true } },
        { cps: 1.05, additionalOptions: { recTrimLeft: 0, recordCall: true }, redialStrategyOptions: {} },
      ],
      [
        { cps: 1, lifetime: '3600', webhookUrls: [hook.url] },
        { cps: 1, lifetime: '3600', webhookUrls: [hook] },
      ],
    ] as const;
    for (const [given, shown] of settings) {
      const answer = await wire.get(`${cis}/telephony/autoCall/${await wire.task(given)}`);
      expect(answer.json).toMatchObject(shown);
    }
    const id = await wire.candidate(await wire.task(), { phone: [79_261_234_567], timezone: '25200' });
    expect(await wire.readCandidate(id)).toMatchObject({ phone: ['79261234567'], timezone: 25_200 });
    const { email, password } = wire.user;
    const login = { email, password, ttl: '3600', companyId: String(wire.tenant.number) };
    expect((await wire.post(`${iam}/auth/login`, login)).status).toBe(200);
  });

  /** What the SDK and its like take each value for; where null is allowed there may be nothing to say. */
  const rowTypes: Record<string, string> = {
    companyId: 'integer',
    duration: 'integer',
    regionId: 'integer or null',
    timezone: 'integer or null',
    price: 'number or null',
    nps: 'number or null',
    isIncoming: 'boolean',
    transferredToOperator: 'boolean',
    variables: 'object',
    results: 'object',
    messages: 'list',
    callbackData: 'object',
    id: 'text',
    type: 'text',
    status: 'text or null',
    currentStatusName: 'text or null',
    createdAt: 'text',
    updatedAt: 'text',
    phone: 'text or null',
    number: 'text or null',
    variablesString: 'text or null',
    resultsString: 'text or null',
    messagesAsString: 'text or null',
    recordPath: 'text or null',
    linkToLog: 'text or null',
    shortNumber: 'text or null',
    startedAt: 'text or null',
    finishedAt: 'text or null',
  };

  test('are strict in every answer, whatever is known, unknown or erased', async () => {
    const bare = await wire.platform.archived({ startedAt: wholeCall.startedAt });
    const whole = await wire.call();
    const erased = await wire.call({ externalId: 'crm-2' });
    expect(await wire.depersonalize(erased)).toBe(200);
    for (const callId of [bare, whole, erased]) {
      const row = (await wire.row(callId)) ?? {};
      for (const [name, type] of Object.entries(rowTypes)) {
        expect(isOf(type, row[name]), `${name} is ${JSON.stringify(row[name])}, not ${type}`).toBe(true);
      }
    }
    const { id, companyId, roles } = (await wire.get(`${iam}/users/me`)).json as Record<string, unknown>;
    expect([isOf('integer', id), isOf('integer', companyId), isOf('list', roles)]).toEqual([true, true, true]);
  });
});

/** True where a JSON value is of a type, or of one of several. */
function isOf(types: string, value: unknown): boolean {
  const checks: Record<string, () => boolean> = {
    null: () => value === null,
    list: () => Array.isArray(value),
    object: () => typeof value === 'object' && value !== null && !Array.isArray(value),
    text: () => typeof value === 'string',
    number: () => typeof value === 'number',
    integer: () => Number.isInteger(value),
    boolean: () => typeof value === 'boolean',
  };
  return types.split(' or ').some((type) => checks[type]?.() === true);
}
