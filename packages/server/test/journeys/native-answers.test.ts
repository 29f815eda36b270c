/** Requests under an Idempotency-Key that meet themselves, an erasure, the end of a lease, or a lost answer. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { requestToken } from '../../src/engine/answers/request-token.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { PlatformUpload } from '../../src/engine/archive/platform-upload.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { readCallBody } from '../../src/http/native/call-body.ts';
import { sealedSizeBytes } from '../../src/keys/sealing.ts';
import { chunksOf } from '../crash/life.ts';
import { loseNextAnswer } from '../support/lost-answer.ts';
import { expectProblem, NativeClient, startedAt } from '../support/native-client.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;
let client: NativeClient;

beforeEach(async () => {
  scene = await startScene();
  client = new NativeClient(scene.app, await scene.app.token());
});

afterEach(async () => await scene.end());

const call = { startedAt, sessionId: 'keyed' };
const key = 'the-key';

async function send(of: object = call) {
  return await client.archive(of, { recording: scene.audio, key });
}

async function callIds(): Promise<string[]> {
  return (await scene.app.engine.store.reads.calls.page('', 99)).map(({ id }) => id);
}

/** One call with one recording is all that there is. */
async function expectOneCall(id: unknown): Promise<void> {
  expect(await callIds()).toEqual([id]);
  expect(await scene.storedBlobs()).toHaveLength(1);
}

describe('the same request, sent twice at once,', () => {
  test('is told to wait while the first is being carried out, and then gets its answer', async () => {
    const gate = scene.faults.stop('archive:named');
    const first = send();
    await gate.reached;
    const second = await send();
    expectProblem(second, 503, 'upload_busy', /Idempotency-Key is under way/);
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    gate.goOn();
    const { status, body } = await first;
    expect(status).toBe(201);
    expect(await send()).toMatchObject({ status: 201, body });
    await expectOneCall(body?.['id']);
  });

  test('is carried out once where both had found the key unused, without a session too', async () => {
    const of = { startedAt };
    const gate = scene.faults.stop('archive:slots-taken');
    const late = send(of);
    await gate.reached;
    const { body } = await send(of);
    gate.goOn();
    expectProblem(await late, 503, 'upload_busy');
    expect(await send(of)).toMatchObject({ status: 201, body });
    await expectOneCall(body?.['id']);
  });
});

describe('a key whose request did not come to its end', () => {
  test('is free again once the upload was given up: its uploader hears so, and the repeat is carried out', async () => {
    const gate = scene.faults.stop('archive:sealed');
    const slow = send();
    await gate.reached;
    scene.lapse(scene.app.config.uploadLeaseMs + 1);
    expect(await sweepAbandonedUploads(scene.app.engine)).toBe(1);
    const { status, body } = await send();
    expect(status).toBe(201);
    gate.goOn();
    expectProblem(await slow, 400, 'upload_cut');
    await expectOneCall(body?.['id']);
    expect(await send()).toMatchObject({ status: 201, body });
  });

  test('is free again when a purge has met the upload, whose session then refuses it', async () => {
    const gate = scene.faults.stop('archive:sealed');
    const met = send();
    await gate.reached;
    const options = { whatIf: false, waitMs: 10_000 };
    await purge(scene.app.engine, scene.app.caller(), { by: 'sessions', ids: ['keyed'] }, options);
    gate.goOn();
    expectProblem(await met, 409, 'call_erased');
    expectProblem(await send(), 409, 'call_erased');
    expect(await callIds()).toEqual([]);
    expect(await scene.storedBlobs()).toEqual([]);
  });
});

describe('what is kept of a request', () => {
  test('is its status, its call and what is sealed with the call, under a token that two clients do not share', async () => {
    const { engine, caller, tenant } = scene.app;
    const mine = caller();
    const other = { ...mine, actor: { kind: 'user', id: mine.actor.id } } as const;
    const tokens = [
      await requestToken(engine, mine, 'POST /v1/calls', key),
      await requestToken(engine, mine, 'POST /v1/other', key),
      await requestToken(engine, mine, 'POST /v1/calls', `${key}.`),
      await requestToken(engine, other, 'POST /v1/calls', key),
    ];
    expect(new Set(tokens.map((token) => token.toString('hex'))).size).toBe(4);
    const upload = await PlatformUpload.begin(engine, mine, key);
    upload.describe(readCallBody(call));
    const gate = scene.faults.stop('archive:named');
    const ending = upload.finish();
    await gate.reached;
    const [token = Buffer.alloc(0)] = tokens;
    const [callId] = await callIds();
    const underWay = await engine.store.reads.answers.find(tenant.id, token);
    expect(underWay).toMatchObject({ subjectId: callId, status: null, sealed: null });
    gate.goOn();
    await ending;
    const kept = await engine.store.reads.answers.find(tenant.id, token);
    expect(kept).toMatchObject({ subjectId: callId, status: 201 });
    expect(kept?.sealed).toHaveLength(sealedSizeBytes(32));
  });
});

describe('a key whose call a change gives other details', () => {
  const said = { ...call, results: 'first' };

  async function change(id: unknown, results: string): Promise<void> {
    expect((await client.patch(String(id), { results })).status).toBe(200);
  }

  /** Known by what it says, although the call says something else by now. */
  async function expectKnown(id: unknown, by = key): Promise<void> {
    expect(await client.archive(said, { recording: scene.audio, key: by })).toMatchObject({
      status: 201,
      body: { id },
    });
    const other = { startedAt, sessionId: 'another' };
    expectProblem(await client.archive(other, { recording: scene.audio, key: by }), 422, 'idempotency_mismatch');
    await expectOneCall(id);
  }

  test.each(['change:named', 'change:sealed'])(
    'is known by its request when it comes for the first time while the change is at %s',
    async (point) => {
      const { body } = await client.archive(said, { recording: scene.audio });
      const id = body?.['id'];
      const kept = scene.faults.next(point, async () => {
        expect(await client.archived(said, { recording: scene.audio, key: 'late' })).toBe(id);
      });
      await Promise.all([change(id, 'second'), kept]);
      await expectKnown(id, 'late');
    },
  );

  test('is known by its request when that comes again while the change is being committed', async () => {
    const { engine } = scene.app;
    const { store } = engine;
    const { body } = await send(said);
    const id = body?.['id'];
    engine.store = {
      ...store,
      reads: store.reads,
      keyStore: store.keyStore,
      snapshot: async (work) => {
        engine.store = store;
        const seen = await store.snapshot(work);
        await change(id, 'second');
        return seen;
      },
    };
    expectProblem(await send({ startedAt, sessionId: 'another' }), 422, 'idempotency_mismatch');
    expect(engine.store).toBe(store);
    await expectKnown(id);
  });

  test('is known by its request where the first one has met the change in its end', async () => {
    const { engine } = scene.app;
    const { store } = engine;
    const { body } = await client.archive(said, { recording: scene.audio });
    const id = body?.['id'];
    const upload = await PlatformUpload.begin(engine, scene.app.caller(), 'twin');
    upload.describe(readCallBody(said));
    await upload.storeRecording(chunksOf(scene.audio), { contentType: 'audio/wav' });
    engine.store = {
      ...store,
      reads: store.reads,
      keyStore: store.keyStore,
      write: async (work) => {
        engine.store = store;
        await change(id, 'second');
        return await store.write(work);
      },
    };
    expect(await upload.finish()).toEqual({ callId: id, isNew: false });
    expect(engine.store).toBe(store);
    const kept = await store.reads.answers.ofSubject(String(id));
    expect(kept).toHaveLength(1);
    const again = await PlatformUpload.begin(engine, scene.app.caller(), 'twin');
    expect(again.settled).toBeUndefined();
    again.describe(readCallBody({ ...said, results: 'second' }));
    await expect(again.finish()).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  test('that is dropped while the change is under way stays dropped', async () => {
    const { store } = scene.app.engine;
    const { body } = await send(said);
    const id = body?.['id'];
    const dropped = scene.faults.next('change:sealed', async () => {
      expect(await store.write(async (tx) => await tx.answers.dropOld(Number.MAX_SAFE_INTEGER, 9))).toBe(1);
    });
    await Promise.all([change(id, 'second'), dropped]);
    expect(await store.reads.answers.ofSubject(String(id))).toEqual([]);
  });
});

test('a request whose answer was lost is answered the same when it comes again', async () => {
  const { engine } = scene.app;
  await Promise.all([
    scene.faults.next('archive:sealed', async () => {
      loseNextAnswer(engine, 'internal');
    }),
    send().then((lost) => expectProblem(lost, 500, 'internal')),
  ]);
  const [id] = await callIds();
  expect(await send()).toMatchObject({ status: 201, body: { id } });
  await expectOneCall(id);
});
