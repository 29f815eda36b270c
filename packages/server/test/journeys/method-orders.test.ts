/** Every sequence of up to three of the vendor's methods on one call: what is left depends on which, never on their order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { expectTable, type MethodStage, type StageStates, slotsIn, stageStates } from '../support/method-stage.ts';
import { NativeClient, startedAt } from '../support/native-client.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { askToErase, type ErasingMethod, erasingMethods, expectSilence } from '../support/twin-erasing.ts';

/** Sequences that run at the same time. */
const lanes = 8;
const audio = Buffer.alloc(70_000, 'a voice');

let scene: Scene;
let token: string;
let client: NativeClient;
let taskId: string;
let made = 0;

beforeAll(async () => {
  scene = await startScene();
  token = await scene.app.token();
  client = new NativeClient(scene.app, token);
  taskId = await createTask(scene.app.engine, scene.app.caller(), { name: 'spring', settings: {}, botId: null });
});

afterAll(async () => await scene.end());

/** Of one, two and three methods. */
function sequencesFrom(first: ErasingMethod): ErasingMethod[][] {
  const pairs = erasingMethods.map((second) => [first, second]);
  return [[first], ...pairs, ...pairs.flatMap((pair) => erasingMethods.map((third) => [...pair, third]))];
}

async function newStage(): Promise<MethodStage> {
  made += 1;
  const mine = made;
  const { engine, caller } = scene.app;
  const asked = [newCandidate(taskId, `c${mine}`, [`512555${1000 + mine}`])];
  const [candidateId = ''] = await addCandidates(engine, caller(), asked, { start: true });
  const call = { startedAt, candidateId, results: { said: 'yes' }, transcript: [{ text: 'yes' }] };
  const callId = await client.archived({ ...call, sessionId: `s${mine}` }, { recording: audio });
  return { callId, candidateId, otherId: await client.archived(call, { recording: audio }) };
}

async function statesOf(stage: MethodStage): Promise<StageStates> {
  return await stageStates(scene.app.engine, scene.app.tenant.id, stage);
}

async function play(methods: readonly ErasingMethod[]): Promise<void> {
  const stage = await newStage();
  const was = await statesOf(stage);
  for (const [place, method] of methods.entries()) {
    expectSilence(await askToErase(scene.app, token, method, stage));
    expectTable(methods.slice(0, place + 1), was, await statesOf(stage));
  }
  const left = slotsIn(await statesOf(stage));
  for (const [slot, state] of await scene.app.engine.tree.statesOf(slotsIn(was))) {
    expect(state, 'a key').toBe(left.includes(slot) ? 'live' : 'destroyed');
  }
  for (const id of [stage.callId, stage.otherId]) {
    const isKept = (await scene.app.engine.store.reads.artifacts.find(id, 'recording')) !== undefined;
    expect((await client.recording(id))?.bytes.equals(audio)).toBe(isKept ? true : undefined);
  }
}

describe.each(erasingMethods)('sequences that begin with %s', (first) => {
  test('end as the table demands, each step answering with silence', async () => {
    const sequences = sequencesFrom(first);
    expect(sequences).toHaveLength(31);
    const takeTurns = async () => {
      for (let next = sequences.shift(); next !== undefined; next = sequences.shift()) {
        const methods = next;
        await play(methods).catch((error: unknown) => {
          throw new Error(`after ${methods.join(', ')}`, { cause: error });
        });
      }
    };
    await Promise.all(Array.from({ length: lanes }, takeTurns));
  });
});

describe('two methods at once', () => {
  const pairs = erasingMethods.flatMap((one, place) =>
    erasingMethods.slice(place).map((other) => [one, other] as const),
  );

  test.each(pairs)('%s and %s end as if one had come after the other', async (one, other) => {
    const stage = await newStage();
    const was = await statesOf(stage);
    const answers = await Promise.all(
      [one, other].map(async (method) => await askToErase(scene.app, token, method, stage)),
    );
    for (const answer of answers) expectSilence(answer);
    expectTable([one, other], was, await statesOf(stage));
  });
});
