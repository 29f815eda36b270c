/** Calls of candidates: what they take from them, and whom they are refused for. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import { stored } from '../support/capture-client.ts';
import { expectProblem, NativeClient, type Sending, startedAt } from '../support/native-client.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;
let client: NativeClient;
let taskId: string;
let candidateId: string;

const botId = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
const phones = ['+15125550142', '+15125550143'];
const variables = { name: 'Casey' };
const details = { phones, variables };
const correlation = {
  callbackData: { order: 7 },
  clientExternalId: 'lead-7',
  timezone: 25_200,
  checkPhone: null,
  autoCallTemplateId: null,
};

beforeEach(async () => {
  scene = await startScene();
  const { engine, caller } = scene.app;
  client = new NativeClient(scene.app, await scene.app.token());
  taskId = await createTask(engine, caller(), { name: 'Reminders', settings: {}, botId });
  candidateId = await candidateOf(taskId);
});

afterEach(async () => await scene.end());

async function candidateOf(task: string): Promise<string> {
  const { engine, caller } = scene.app;
  const [id = ''] = await addCandidates(engine, caller(), [{ taskId: task, botId: null, details, correlation }], {
    start: false,
  });
  return id;
}

async function erase(keepRecording = false): Promise<void> {
  const { engine, caller } = scene.app;
  await depersonalizeCandidate(engine, caller(), candidateId, { keepRecording, waitMs: 10_000 });
}

async function callIds(): Promise<string[]> {
  return (await scene.app.engine.store.reads.calls.page('', 99)).map(({ id }) => id);
}

describe('a call of a candidate', () => {
  test('takes from it what it does not say, and the name of its task', async () => {
    const id = await client.archived({ startedAt, candidateId }, { recording: scene.audio });
    const row = await scene.app.engine.store.reads.calls.find(scene.app.tenant.id, id);
    expect(row).toMatchObject({ candidateId, taskId, botId });
    expect(await stored(scene.app, id, 'details')).toMatchObject({
      participants: [{ role: 'customer', phone: phones[0], email: null, name: null }],
      variables,
    });
    const { callbackData, clientExternalId } = correlation;
    expect(await stored(scene.app, id, 'correlation')).toMatchObject({
      callbackData,
      externalId: clientExternalId,
      taskName: 'Reminders',
    });
    const { engine, tenant } = scene.app;
    for (const identifier of [
      { kind: 'phone', value: '(512) 555-0142' },
      { kind: 'external', value: 'lead-7' },
    ] as const) {
      const page = { afterId: '', limit: 9 };
      expect(await findOwners(engine, engine.store.reads, tenant, identifier, page)).toEqual([candidateId, id].sort());
    }
  });

  test('keeps what it says itself', async () => {
    const own = { variables: {}, callbackData: 'x', externalId: 'own', botId: '01900000-0000-7000-8000-00000000000a' };
    const participants = [{ role: 'agent', phone: '+15125550100' }];
    const id = await client.archived({ startedAt, candidateId, taskId, participants, ...own });
    const row = await scene.app.engine.store.reads.calls.find(scene.app.tenant.id, id);
    expect(row).toMatchObject({ candidateId, taskId, botId: own.botId });
    expect(await stored(scene.app, id, 'details')).toMatchObject({
      participants: [{ role: 'agent', phone: '+15125550100', email: null, name: null }],
      variables: {},
    });
    expect(await stored(scene.app, id, 'correlation')).toMatchObject({ callbackData: 'x', externalId: 'own' });
  });

  test('may be of a task alone', async () => {
    const id = await client.archived({ startedAt, taskId });
    const row = await scene.app.engine.store.reads.calls.find(scene.app.tenant.id, id);
    expect(row).toMatchObject({ candidateId: null, taskId, botId: null });
    expect(await stored(scene.app, id, 'correlation')).toMatchObject({ taskName: 'Reminders', callbackData: null });
  });

  test('is archived after the purge of an earlier one, with the external id that both have from it', async () => {
    const { engine, caller } = scene.app;
    const purgeOf = async (id: string) =>
      await purge(engine, caller(), { by: 'calls', ids: [id] }, { whatIf: false, waitMs: 10_000 });
    const first = { startedAt, candidateId, sessionId: 'first' };
    await purgeOf(await client.archived(first, { recording: scene.audio }));
    const second = await client.archived({ ...first, sessionId: 'second' }, { recording: scene.audio });
    expect(await stored(scene.app, second, 'correlation')).toMatchObject({ externalId: 'lead-7' });
    await purgeOf(second);
    // What a call says itself is its own, and a session is that of one call.
    expectProblem(await client.archive({ ...first, sessionId: 'third', externalId: 'lead-7' }), 409, 'call_erased');
    for (const again of [first, { ...first, sessionId: 'second' }]) {
      expectProblem(await client.archive(again), 409, 'call_erased');
    }
    expectProblem(await client.archive({ startedAt, externalId: 'lead-7' }), 409, 'call_erased');
    await erase();
    expectProblem(await client.archive({ startedAt, candidateId, sessionId: 'third' }), 409, 'candidate_erased');
  });

  test('is the same call when it comes again', async () => {
    const call = { startedAt, candidateId, sessionId: 'again' };
    const id = await client.archived(call, { recording: scene.audio });
    expect(await client.archived(call, { recording: scene.audio, isRecordingFirst: true })).toBe(id);
  });
});

describe('a call is refused for', () => {
  const unknown = '01900000-0000-7000-8000-000000000000';

  test('a candidate or a task that is unknown, of another tenant or malformed, all alike', async () => {
    const { app } = scene;
    const tenant = await createTenant(app.engine, { slug: 'stranger', region: 'US' });
    const stranger = new NativeClient(app, await app.token(undefined, tenant));
    for (const [name, ours] of [
      ['candidateId', candidateId],
      ['taskId', taskId],
    ] as const) {
      const texts = new Set<string>();
      for (const value of [unknown, 'x', `{${ours}}`, ours.toUpperCase(), '', `${ours}\0`]) {
        const answer = await client.archiveJson({ startedAt, [name]: value });
        expectProblem(answer, 400, 'input_invalid', `${name} is not the id of any that there is`);
        texts.add(answer.text);
      }
      texts.add((await stranger.archiveJson({ startedAt, [name]: ours })).text);
      expect(texts.size).toBe(1);
    }
    expect(await callIds()).toEqual([]);
  });

  test('a task that is not that of its candidate', async () => {
    const { engine, caller } = scene.app;
    const other = await createTask(engine, caller(), { name: 'Other', settings: {}, botId: null });
    const answer = await client.archiveJson({ startedAt, candidateId, taskId: other });
    expectProblem(answer, 400, 'input_invalid', 'taskId is not the task of the candidate');
  });

  test.each([true, false])('a candidate that was erased (its recordings kept: %j)', async (keepRecording) => {
    await erase(keepRecording);
    for (const isRecordingFirst of [false, true]) {
      const answer = await client.archive({ startedAt, candidateId }, { recording: scene.audio, isRecordingFirst });
      expectProblem(answer, 409, 'candidate_erased');
    }
    expect(await callIds()).toEqual([]);
    expect(await scene.storedBlobs()).toEqual([]);
  });

  test('a candidate that is being erased, until it is known what becomes of it', async () => {
    const gated = scene.faults.stop('erase:gated');
    const erasing = erase();
    await gated.reached;
    const answer = await client.archive({ startedAt, candidateId }, { recording: scene.audio });
    expect([answer.status, answer.body?.['code']]).toEqual([503, 'upload_busy']);
    gated.goOn();
    await erasing;
    expectProblem(await client.archive({ startedAt, candidateId }), 409, 'candidate_erased');
  });
});

describe('a candidate that is erased while its call is on its way', () => {
  const calls: [when: string, point: string, sending: Sending][] = [
    ['has been named', 'archive:named', {}],
    ['has its bytes', 'archive:bytes-stored', {}],
    ['came recording first and has its bytes', 'archive:bytes-stored', { isRecordingFirst: true }],
    ['is sealed', 'archive:sealed', {}],
  ];

  test.each(calls)(
    'and %s takes the call with it: the uploader is refused, and nothing stays',
    async (_when, point, sending) => {
      const gate = scene.faults.stop(point);
      const sent = client.archive(
        { startedAt, candidateId, sessionId: 's' },
        { recording: scene.audio, key: 'k', ...sending },
      );
      await gate.reached;
      await erase(true);
      gate.goOn();
      expectProblem(await sent, 409, 'candidate_erased');
      expect(await callIds()).toEqual([]);
      expect(await scene.storedBlobs()).toEqual([]);
      expectProblem(
        await client.archive({ startedAt, candidateId, sessionId: 's' }, { key: 'k' }),
        409,
        'candidate_erased',
      );
    },
  );

  test('after it was archived takes what was copied from it, too', async () => {
    const sending = { recording: scene.audio, key: 'k' };
    const id = await client.archived({ startedAt, candidateId, sessionId: 's' }, sending);
    await erase();
    expect(await stored(scene.app, id, 'details')).toBeUndefined();
    expect(await stored(scene.app, id, 'correlation')).toMatchObject({ externalId: 'lead-7', taskName: 'Reminders' });
    expect(await scene.storedBlobs()).toEqual([]);
    expect(await client.archived({ startedAt, candidateId, sessionId: 's' }, sending)).toBe(id);
    expectProblem(await client.archive({ startedAt, candidateId, sessionId: 's' }), 409, 'candidate_erased');
  });
});
