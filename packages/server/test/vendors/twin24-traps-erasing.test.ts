import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { personalIdentifierKinds } from '../../src/model/erasure.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { TwinWire, twinGateways, wholeCall } from '../support/twin-wire.ts';

const { cis, analyse } = twinGateways;

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

/** What a depersonalized call says in every field that said something of somebody. */
const erased = {
  phone: null,
  number: null,
  callTo: null,
  variables: {},
  variablesString: null,
  result: {},
  results: {},
  resultsString: null,
  dialogResult: null,
  nps: null,
  confirmation: null,
  evaluation: null,
  messages: [],
  messagesAsString: null,
  linkToLog: null,
  redirectAdditional: null,
  redirectAnons: null,
};
const erasedFields = Object.keys(erased).join();
const late = {
  results: { confirmation: 'late' },
  dialogResult: 'late',
  nps: 1,
  variables: { late: 'late' },
  transcript: [{ role: 'customer', text: 'late' }],
  logLink: 'https://platform.example/late',
  redirect: { additional: 'late' },
};

async function called(more: object = {}): Promise<{ candidateId: string; callId: string; taskId: string }> {
  const taskId = await wire.task();
  const candidateId = await wire.candidate(taskId, more);
  return { taskId, candidateId, callId: await wire.call({ candidateId }) };
}

test('7.13 result, results and the texts made of them say the same, and after erasure nothing', async () => {
  const { callId } = await called();
  const names = 'result,results,resultsString,variables,variablesString';
  const row = (await wire.row(callId, names)) ?? {};
  const { results, variables } = wholeCall;
  expect(row).toMatchObject({ result: results, results, variables });
  expect(JSON.parse(String(row['resultsString']))).toEqual(results);
  expect(JSON.parse(String(row['variablesString']))).toEqual(variables);
  expect(await wire.depersonalize(callId)).toBe(200);
  expect(await wire.row(callId, names)).toStrictEqual({
    result: {},
    results: {},
    resultsString: null,
    variables: {},
    variablesString: null,
  });
});

describe('7.14 a write that comes late does not bring back what was erased', () => {
  const ways: [string, (ids: { callId: string; candidateId: string }) => Promise<number>][] = [
    ['a call', async ({ callId }) => await wire.depersonalize(callId)],
    ['a call whose audio was kept', async ({ callId }) => await wire.depersonalize(callId, { skipDeleteRecord: true })],
    ['a candidate', async ({ candidateId }) => await wire.depersonalizeCandidate(candidateId)],
  ];

  test.each(ways)('of %s: results, transcript and variables are refused', async (_name, erase) => {
    const ids = await called();
    // What is told at once shows at once: nobody has to wait for statistics.
    expect((await wire.row(ids.callId, 'dialogResult'))?.['dialogResult']).toBe('agreed');
    expect(await erase(ids)).toBe(200);
    for (const [name, value] of Object.entries(late)) {
      const answer = await wire.platform.patch(ids.callId, { [name]: value });
      expect([answer.status, answer.body?.['code']], name).toEqual([409, 'call_erased']);
    }
    expect((await wire.platform.patch(ids.callId, late)).status).toBe(409);
    expect(await wire.row(ids.callId, erasedFields)).toStrictEqual(erased);
  });

  test('of a candidate: a call that is reported afterwards is refused', async () => {
    const { candidateId, taskId } = await called();
    expect(await wire.depersonalizeCandidate(candidateId)).toBe(200);
    const answer = await wire.platform.archive({ ...wholeCall, externalId: 'crm-2', candidateId });
    expect([answer.status, answer.body?.['code']]).toEqual([409, 'candidate_erased']);
    const found = await wire.get(`${analyse}/search/cis/calls?taskId=${taskId}&fields=phone`);
    expect(found.json).toEqual({ count: 1, items: [{ phone: null }] });
  });
});

describe('7.15 audio that comes after the bot has ended', () => {
  const put = async (callId: string) =>
    (await wire.platform.putRecording(callId, Buffer.from('ID3'), 'audio/mpeg')).status;

  test('is dropped where its call was depersonalized in between', async () => {
    const callId = await wire.call({}, null);
    expect(await wire.depersonalize(callId)).toBe(200);
    expect(await put(callId)).toBe(409);
    expect(await wire.hasAudio(callId)).toBe(false);
  });

  test('is dropped where its recording was deleted in between', async () => {
    const callId = await wire.call({}, null);
    expect(await wire.deleteRecord(callId)).toBe(200);
    expect(await put(callId)).toBe(409);
    expect(await wire.hasAudio(callId)).toBe(false);
  });

  test('is taken where the audio was to be kept, until somebody deletes it', async () => {
    const callId = await wire.call({}, null);
    expect(await wire.depersonalize(callId, { skipDeleteRecord: true })).toBe(200);
    expect(await put(callId)).toBe(201);
    expect(await wire.hasAudio(callId)).toBe(true);
    expect(await wire.row(callId, erasedFields)).toStrictEqual(erased);
    expect(await wire.deleteRecord(callId)).toBe(200);
    expect(await wire.hasAudio(callId)).toBe(false);
    expect(await put(callId)).toBe(409);
  });
});

test('7.16 an erased candidate is not dialled again: its attempts are off, those of others stand', async () => {
  const { candidateId, taskId } = await called();
  const other = await wire.candidate(taskId, { phone: ['79261234568'] });
  const pending = async () => {
    const answer = await wire.get(`${cis}/telephony/autoCallCandidate?autoCallId=${taskId}&status=PENDING`);
    return (answer.json as { items: { id: string }[] }).items.map(({ id }) => id);
  };
  expect(await pending()).toEqual([candidateId, other]);
  expect(await wire.depersonalizeCandidate(candidateId)).toBe(200);
  expect(await pending()).toEqual([other]);
  expect(await wire.readCandidate(candidateId)).toMatchObject({ phone: [], variables: {}, status: 'CANCELLED' });
});

test('7.17 of a candidate with several numbers all are erased, not the one last dialled alone', async () => {
  const phone = ['79261234567', '+7 (926) 123-45-68', '1001', '442071838750'];
  const digits = phone.map((number) => number.replace(/\D/g, ''));
  const { candidateId, callId } = await called({ phone });
  const second = await wire.call({ candidateId, participants: [{ role: 'customer', phone: phone[1] }] });
  expect((await wire.readCandidate(candidateId))['phone']).toEqual(digits);
  expect(await wire.depersonalizeCandidate(candidateId)).toBe(200);
  expect((await wire.readCandidate(candidateId))['phone']).toEqual([]);
  for (const number of phone) {
    const found = await wire.get(`${analyse}/search/cis/calls?phone=${encodeURIComponent(number)}`);
    expect(found.json).toEqual({ count: 0, items: [] });
  }
  const tokens = await app.engine.store.reads.tokens.page(undefined, 10_000);
  const left = tokens.filter((token) => [candidateId, callId, second].includes(token.ownerId));
  expect(left.filter(({ kind }) => personalIdentifierKinds.includes(kind))).toEqual([]);
});

describe('7.18 a request that is repeated', () => {
  test('succeeds quietly, whichever of the three it is, also at the same moment', async () => {
    const { callId, candidateId } = await called();
    const methods = [
      async () => await wire.depersonalize(callId, { skipDeleteRecord: true }),
      async () => await wire.depersonalizeCandidate(candidateId, { skipDeleteRecord: true }),
      async () => await wire.deleteRecord(callId),
    ];
    for (const method of methods) {
      expect(await Promise.all([method(), method(), method()])).toEqual([200, 200, 200]);
      expect(await method()).toBe(200);
    }
  });

  test.each(['call', 'candidate'] as const)('and keeps the audio of the %s no longer, deletes it', async (of) => {
    const { callId, candidateId } = await called();
    const erase = async (skipDeleteRecord: boolean) =>
      of === 'call'
        ? await wire.depersonalize(callId, { skipDeleteRecord })
        : await wire.depersonalizeCandidate(candidateId, { skipDeleteRecord });
    expect(await erase(true)).toBe(200);
    expect(await wire.hasAudio(callId)).toBe(true);
    const link = String((await wire.row(callId, 'recordPath'))?.['recordPath']);
    expect(await erase(false)).toBe(200);
    expect(await wire.hasAudio(callId)).toBe(false);
    expect((await fetch(link)).status).toBe(404);
    // What is deleted stays so, whatever a later request would keep.
    expect(await erase(true)).toBe(200);
    expect(await wire.hasAudio(callId)).toBe(false);
  });
});

test('7.19 the record first and the rest later, or the other way round, end in the same state', async () => {
  const erase = {
    record: async (callId: string) => await wire.deleteRecord(callId),
    keep: async (callId: string) => await wire.depersonalize(callId, { skipDeleteRecord: true }),
    all: async (callId: string) => await wire.depersonalize(callId),
  };
  const orders = [['record', 'keep'], ['keep', 'record'], ['record', 'all'], ['all', 'record'], ['all']] as const;
  const ends: unknown[] = [];
  for (const order of orders) {
    const callId = await wire.call();
    for (const step of order) expect(await erase[step](callId), order.join()).toBe(200);
    expect(await wire.hasAudio(callId), order.join()).toBe(false);
    const { id: _id, createdAt: _created, updatedAt: _updated, ...rest } = (await wire.row(callId)) ?? {};
    const { kept, gone } = await standing(callId);
    ends.push({ rest, kept, gone });
  }
  for (const end of ends) expect(end).toStrictEqual(ends[0]);
  expect(ends[0]).toMatchObject({ rest: { ...erased, recordPath: null }, kept: ['correlation'], gone: [true, true] });
});

/** What is stored of a call, and that both its marks are set. */
async function standing(callId: string) {
  const { artifacts, calls } = app.engine.store.reads;
  const call = await calls.find(wire.tenant.id, callId);
  return {
    kept: (await artifacts.ofOwner(callId)).map(({ kind }) => kind).sort(),
    gone: [call?.depersonalizedAt, call?.recordingErasedAt].map((mark) => typeof mark === 'number'),
  };
}
