/** Calls that are not over and calls under legal hold: the three methods refuse them whole, and change nothing. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { ErasingScene, expectTwinError } from '../support/erasing-scene.ts';
import { expectTable } from '../support/method-stage.ts';
import { type ErasingMethod, erasingMethods, expectSilence } from '../support/twin-erasing.ts';
import { rowOf } from '../support/twin-search.ts';

const json = 'application/json';
const flagOf = (method: ErasingMethod) => `{"skipDeleteRecord":${method.endsWith('1')}}`;

let erasing: ErasingScene;

beforeEach(async () => {
  erasing = await ErasingScene.start();
});

afterEach(async () => await erasing.scene.end());

const ofCandidates = erasingMethods.filter((method) => method.startsWith('K'));
const ofCalls = erasingMethods.filter((method) => !method.startsWith('K'));

describe.each(['SCHEDULED', 'DIAL', 'INPROGRESS'])('a call that is %s', (status) => {
  test('is refused by every method of calls, and nothing changes', async () => {
    const stage = await erasing.campaign({ status });
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of ofCalls) {
        const answer = await erasing.send(method, stage, { contentType: json, body: flagOf(method) });
        expectTwinError(answer, 400, 'The call is not over yet');
      }
    });
  });

  test('keeps its candidate, and every other call of it, from being erased', async () => {
    const stage = await erasing.campaign({ otherStatus: status });
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of ofCandidates) {
        const answer = await erasing.send(method, stage, { contentType: json, body: flagOf(method) });
        expectTwinError(answer, 400, 'The call is not over yet');
      }
    });
    // What is over can be erased by itself.
    const was = await erasing.states(stage);
    expectSilence(await erasing.send('C0', stage));
    expectTable(['C0'], was, await erasing.states(stage));
  });
});

describe('a legal hold', () => {
  test('on a call keeps it from every method, and its candidate too, until it is released', async () => {
    const stage = await erasing.campaign();
    const hold = await erasing.hold(stage.callId);
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of erasingMethods) {
        const answer = await erasing.send(method, stage, { contentType: json, body: flagOf(method) });
        expectTwinError(answer, 400, 'legal hold');
      }
    });
    await releaseHold(erasing.engine, erasing.caller, hold);
    const was = await erasing.states(stage);
    expectSilence(await erasing.send('K0', stage));
    expectTable(['K0'], was, await erasing.states(stage));
  });

  test('on a candidate keeps its calls from every method', async () => {
    const stage = await erasing.campaign();
    await erasing.hold(stage.candidateId);
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of erasingMethods) expectTwinError(await erasing.send(method, stage), 400, 'legal hold');
    });
  });

  test('on the other call keeps the candidate, and not the call that is not held', async () => {
    const stage = await erasing.campaign();
    await erasing.hold(stage.otherId);
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of ofCandidates) expectTwinError(await erasing.send(method, stage), 400, 'legal hold');
    });
    const was = await erasing.states(stage);
    expectSilence(await erasing.send('C0', stage));
    expectTable(['C0'], was, await erasing.states(stage));
  });

  test('on what was erased before does not turn a repeat into a refusal', async () => {
    const stage = await erasing.campaign();
    expectSilence(await erasing.send('K0', stage));
    await erasing.hold(stage.callId, stage.candidateId);
    for (const method of erasingMethods) expectSilence(await erasing.send(method, stage));
  });

  test.each(erasingMethods)(
    'placed between the request and the shredding stops %s, and all is seen again',
    async (method) => {
      const stage = await erasing.campaign();
      const [was, token] = [await erasing.states(stage), await erasing.scene.app.token()];
      const row = await rowOf(erasing.scene.app, token, stage.callId);
      // One call of its own is enough to keep the whole candidate.
      const heldId = method.startsWith('K') ? stage.otherId : stage.callId;
      const placed = erasing.scene.faults.next('erase:gated', async () => void (await erasing.hold(heldId)));
      const answer = await erasing.send(method, stage, { contentType: json, body: flagOf(method) });
      await placed;
      expectTwinError(answer, 400, 'legal hold');
      expect(await erasing.states(stage)).toEqual(was);
      await Promise.all(erasing.engine.background);
      expect(await erasing.states(stage), 'after all that was begun is over').toEqual(was);
      const again = await rowOf(erasing.scene.app, token, stage.callId);
      expect({ ...again, recordPath: '' }).toEqual({ ...row, recordPath: '' });
      expect(again['recordPath']).toEqual(expect.any(String));
      expect(
        (await erasing.engine.store.reads.journal.page('', 99)).filter(({ kind }) => kind === 'item_erased'),
      ).toEqual([]);
    },
  );
});
