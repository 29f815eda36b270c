/** A request that comes again after the people it has put on a task were erased. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { botId, TwinCampaigns } from '../support/twin-campaigns.ts';

const base = '/telephony/autoCallCandidate';
const given = { phone: ['15125550101', '15125550102'], clientExternalId: 'crm-7', variables: { a: 1 } };

const faults = new HookedFaults();
let app: TestApp;
let client: TwinCampaigns;
let taskId: string;

beforeAll(async () => {
  app = await startApp({ faults });
  await app.listen();
});
afterAll(async () => {
  await untilQuiet(app.engine);
  await app.engine.issuer.close();
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});
beforeEach(async () => {
  client = await TwinCampaigns.start(app);
  taskId = await client.task();
});

async function erase(id: string, keepRecording = false): Promise<void> {
  await depersonalizeCandidate(app.engine, client.caller, id, { keepRecording, waitMs: 10_000 });
}

async function idsOnTask(): Promise<string[]> {
  return (await app.engine.store.reads.candidates.ofTask(client.tenant.id, taskId, '', 99)).map(({ id }) => id);
}

test.each([true, false])('puts nobody on it again who has an id of the client (recordings kept: %j)', async (keeps) => {
  const [id = ''] = await client.added(taskId, given);
  await erase(id, keeps);
  const before = await client.candidate(id);
  expect(await client.added(taskId, given)).toEqual([id]);
  const one = await client.post(base, { autoCallId: taskId, ...given, forceStart: true });
  expect(one.json).toEqual({ id: { identity: id } });
  expect(await idsOnTask()).toEqual([id]);
  expect(await client.candidate(id)).toEqual(before);
  expect(before).toMatchObject({ phone: [], variables: {}, status: 'CANCELLED' });
});

test('puts the others of its batch on it, each at its place', async () => {
  const [id = ''] = await client.added(taskId, given);
  await erase(id);
  const [first, second, third] = await client.added(taskId, { phone: ['15125550103'] }, given, {
    phone: ['15125550104'],
  });
  expect(second).toBe(id);
  expect(await idsOnTask()).toEqual([id, first, third]);
});

test('is told to come again while it is not known yet whether they will be erased', async () => {
  const [id = ''] = await client.added(taskId, given);
  const gate = faults.stop('erase:gated');
  const erasing = erase(id);
  await gate.reached;
  const batch = [
    { autoCallId: taskId, phone: ['15125550103'] },
    { autoCallId: taskId, ...given },
  ];
  const answer = await client.post(`${base}/batch`, { batch });
  expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
  gate.goOn();
  await erasing;
  expect(await idsOnTask()).toEqual([id]);
  expect((await client.added(taskId, ...batch))[1]).toBe(id);
});

test('is recognised by an id that another candidate has too, who is left alone', async () => {
  const [erased = '', living = ''] = await client.added(taskId, given, { ...given, phone: ['15125550105'] });
  await erase(erased);
  expect(await client.added(taskId, given, { ...given, phone: ['15125550105'] })).toEqual([erased, living]);
  expect(await idsOnTask()).toEqual([erased, living]);
});

test('is recognised after the epoch of its tokens has turned', async () => {
  const [id = ''] = await client.added(taskId, given);
  await erase(id);
  await app.engine.epochs.turn(client.tenant.id);
  expect(await client.added(taskId, given)).toEqual([id]);
});

test('is one of its own on another task, with another id, or without one', async () => {
  const [id = ''] = await client.added(taskId, given);
  await erase(id);
  const { clientExternalId: _, ...nameless } = given;
  const others = await client.added(taskId, { ...given, clientExternalId: 'crm-8' }, nameless);
  const elsewhere = await client.added(await client.task(), given);
  expect(new Set([id, ...others, ...elsewhere]).size).toBe(4);
});

test('puts nobody on the task of the single calls of a day again', async () => {
  const body = { ...given, botSettingsId: botId() };
  const first = await client.post(`${base}/single`, body);
  const { id, autoCallId } = first.json as { id: { identity: string }; autoCallId: string };
  await erase(id.identity);
  expect((await client.post(`${base}/single`, body)).json).toEqual({ id, autoCallId });
});
