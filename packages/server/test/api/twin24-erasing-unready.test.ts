/** A 200 of Twin24's three methods means that the keys are destroyed: what is answered while, or where, they are not. */
import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendTwinError } from '../../src/http/twin24/errors.ts';
import { codeOf } from '../../src/model/errors.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { ErasingScene, expectTwinError } from '../support/erasing-scene.ts';
import { erase, expectTable, type MethodStage } from '../support/method-stage.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { spoilPage } from '../support/raw-database.ts';
import { storedStateOf } from '../support/sealed-state.ts';
import { type ErasingMethod, erasingMethods, expectSilence } from '../support/twin-erasing.ts';

let erasing: ErasingScene;
let stage: MethodStage;

beforeEach(async () => {
  erasing = await ErasingScene.start();
  stage = await erasing.campaign();
});

afterEach(async () => await erasing.scene.end());

describe('keys that are not destroyed in time', () => {
  test.each(erasingMethods)(
    'of %s: that it goes on is all that is answered, and a repeat says when it is done',
    async (method) => {
      const was = await erasing.states(stage);
      const gate = erasing.scene.faults.stop('erase:gated');
      const asking = erase(erasing.engine, erasing.caller, method, stage, { waitMs: 0 });
      const told = expect(asking).rejects.toMatchObject({ code: 'erasure_running', retry: 'later' });
      await gate.reached;
      expect(await erasing.states(stage), 'what is stored while it waits').toEqual(was);
      const slow = erasing.scene.faults.stop('shred:rows-cleared');
      gate.goOn();
      await slow.reached;
      await told;
      slow.goOn();
      expectSilence(await erasing.send(method, stage, { body: `{"skipDeleteRecord":${method.endsWith('1')}}` }));
      expectTable([method], was, await erasing.states(stage));
      await Promise.all(erasing.engine.background);
      expectTable([method], was, await erasing.states(stage));
    },
  );

  test('are answered 503 with Retry-After, in the form of every error', async () => {
    const gate = erasing.scene.faults.stop('shred:rows-cleared');
    const http = fastify();
    http.setErrorHandler((error, request, reply) => sendTwinError(erasing.engine, error, request, reply));
    http.post('/', async () => await erase(erasing.engine, erasing.caller, 'C0', stage, { waitMs: 0 }));
    const answer = await http.inject({ method: 'POST', url: '/' });
    gate.goOn();
    expectTwinError(answer, 503, 'The erasure is under way; ask again in a moment');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    await http.close();
  });

  test('gate what they open: from the first moment on no surface shows it', async () => {
    const gate = erasing.scene.faults.stop('erase:gated');
    const asking = erasing.send('K0', stage);
    await gate.reached;
    const token = await erasing.scene.app.token();
    const headers = { authorization: `Bearer ${token}` };
    const url = `/cis/api/v1/telephony/autoCallCandidate/${stage.candidateId}`;
    const candidate = await erasing.scene.app.http.inject({ method: 'GET', url, headers });
    expect(candidate.json()).toMatchObject({ phone: [], variables: {} });
    for (const id of [stage.callId, stage.otherId]) {
      const search = `/analyse/api/v1/search/cis/calls?id=${id}`;
      const found = await erasing.scene.app.http.inject({ method: 'GET', url: search, headers });
      expect(found.json()).toMatchObject({ count: 1, items: [{ phone: null, messages: [], recordPath: null }] });
    }
    gate.goOn();
    expectSilence(await asking);
  });
});

describe('a key page that does not open', () => {
  test.each(erasingMethods)(
    'never lets %s answer 200, however often it is asked for, until it is mended',
    async (method) => {
      const was = await erasing.states(stage);
      const mend = await spoilKeysOf(was.callId.parts.recording?.slot ?? -1);
      const send = async () =>
        await erasing.send(method, stage, { body: `{"skipDeleteRecord":${method.endsWith('1')}}` });
      expectNotDone(await send());
      for (let time = 1; time <= 3; time += 1) await expectNotDoneYet(method);
      await mend();
      erasing.scene.lapse(10 * 60_000);
      await untilQuiet(erasing.engine);
      expectTable([method], was, await erasing.states(stage));
      expectSilence(await send());
      expectTable([method], was, await erasing.states(stage));
    },
  );
});

test('a key page of one call alone keeps the whole candidate from a 200, and nothing else of it from being erased', async () => {
  const { engine, caller } = erasing;
  const was = await erasing.states(stage);
  // Its slots lie in a leaf of their own.
  await engine.issuer.take(engine.tree.shape.fanOut);
  const recording = { bytes: Buffer.alloc(5000, 7), contentType: 'audio/wav' };
  const hurt = await archivePlatformCall(engine, caller, { candidateId: stage.candidateId, recording });
  const kept = await storedStateOf(engine, caller.tenant.id, hurt);
  const mend = await spoilKeysOf(kept.parts.recording?.slot ?? -1);
  expectNotDone(await erasing.send('K0', stage));
  expectTable(['K0'], was, await erasing.states(stage));
  await expectNotDoneYet('K0');
  await mend();
  expectSilence(await erasing.send('K0', stage));
  expect(Object.keys((await storedStateOf(engine, caller.tenant.id, hurt)).parts)).toEqual(['correlation']);
  erasing.scene.lapse(10 * 60_000);
});

/** An error that does not say whose fault it is, or that it goes on. */
function expectNotDone(answer: Awaited<ReturnType<ErasingScene['send']>>): void {
  expectTwinError(answer, answer.statusCode === 503 ? 503 : 500);
}

/** The same without a surface, whose wait is long. */
async function expectNotDoneYet(method: ErasingMethod): Promise<void> {
  const said = await erase(erasing.engine, erasing.caller, method, stage, { waitMs: 100 }).then(() => 'done', codeOf);
  expect(['damage', 'erasure_running']).toContain(said);
}

/** Spoils the key page of a slot. Returns what mends it. */
async function spoilKeysOf(slot: number): Promise<() => Promise<void>> {
  return await spoilPage(erasing.scene.app.config, Math.floor(slot / erasing.engine.tree.shape.fanOut));
}
