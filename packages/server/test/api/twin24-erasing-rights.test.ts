/** Who may use Twin24's three methods, and on what. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { newId } from '../../src/lib/ids.ts';
import { type Scope, scopes } from '../../src/model/tenant.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { ErasingScene, expectTwinError } from '../support/erasing-scene.ts';
import type { MethodStage } from '../support/method-stage.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { erasingMethods, erasingPath, expectSilence } from '../support/twin-erasing.ts';
import { newUser, tokensOf } from '../support/twin-users.ts';

const body = '{"skipDeleteRecord":false}';

let erasing: ErasingScene;
let stage: MethodStage;

beforeEach(async () => {
  erasing = await ErasingScene.start();
  stage = await erasing.campaign();
});

afterEach(async () => await erasing.scene.end());

async function tokenOfUser(allowed: readonly Scope[]): Promise<string> {
  const { app } = erasing.scene;
  return (await tokensOf(app, await newUser(app, { scopes: allowed }))).token;
}

describe('a user without the right to erase', () => {
  test('is forbidden all three methods, whatever the id, and nothing changes', async () => {
    const token = await tokenOfUser(scopes.filter((scope) => scope !== 'erasures:execute'));
    const unknown = { callId: newId(0), candidateId: newId(0), otherId: '' };
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of erasingMethods) {
        const texts = new Set<string>();
        for (const on of [stage, unknown]) {
          const answer = await erasing.send(method, on, { token, body });
          expectTwinError(answer, 403);
          texts.add(answer.body);
        }
        expect(texts.size, 'bodies that would tell the ids apart').toBe(1);
      }
    });
  });

  test('needs no other right than that one', async () => {
    const token = await tokenOfUser(['erasures:execute']);
    expectSilence(await erasing.send('R', stage, { token }));
    expectSilence(await erasing.send('C0', stage, { token, body }));
    expectSilence(await erasing.send('K0', stage, { token, body }));
  });
});

describe('a request without a good token', () => {
  test.each([
    ['none', undefined],
    ['no token at all', 'Bearer null'],
    ['rubbish', 'Bearer a.b.c'],
  ])('(%s) is 401, and nothing changes', async (_, authorization) => {
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of erasingMethods) {
        const answer = await erasing.scene.app.http.inject({
          method: method === 'R' ? 'DELETE' : 'POST',
          url: `/cis/api/v1${erasingPath(method, stage)}`,
          headers: authorization === undefined ? {} : { authorization },
        });
        expectTwinError(answer, 401);
        expect(answer.body).not.toContain('Token is expired.');
      }
    });
  });
});

describe('an id of which the tenant has nothing', () => {
  test('is 404 with one and the same body, be it unknown, of another company or malformed, and nothing changes', async () => {
    const { stage: theirs, caller: stranger } = await erasing.stranger();
    const unknown = newId(Date.now());
    const ids = ({ callId, candidateId, otherId }: MethodStage, method: string) => {
      const [mine, other] = method.startsWith('K') ? [candidateId, callId] : [callId, candidateId];
      return [unknown, other, `{${mine}}`, mine.toUpperCase(), `${mine}0`, mine.slice(1), ` ${otherId}`];
    };
    const odd = ['0', 'null', 'undefined', '%00', '%F0%9F%98%80', `${stage.callId}%00`, '..%2f', "' OR 1=1 --"];
    const stages = [
      [stage, erasing.caller],
      [theirs, stranger],
    ] as const;
    await erasing.expectUnchanged(
      stages.map(([on, caller]) => [on, caller]),
      async () => {
        for (const method of erasingMethods) {
          const texts = new Map<string, string>();
          const foreign = method.startsWith('K') ? theirs.candidateId : theirs.callId;
          for (const id of [foreign, ...ids(stage, method), ...odd.map(decodable)]) {
            const answer = await erasing.send(method, { callId: id, candidateId: id, otherId: '' }, { body });
            expectTwinError(answer, 404);
            texts.set(id, answer.body);
          }
          expect(new Set(texts.values()), `of ${method}`).toEqual(new Set([texts.get(foreign)]));
        }
      },
    );
  });

  test.each([
    ['with braces, as they stand', (id: string) => `{${id}}`],
    ['of 99 characters', () => 'a'.repeat(99)],
    ['of 5000 characters', () => 'a'.repeat(5000)],
  ])('(%s) is the same 404 on the wire', async (_, idOf) => {
    const token = await erasing.scene.app.token();
    const origin = erasing.scene.app.http.listeningOrigin;
    const headers = [`Authorization: Bearer ${token}`, 'Connection: close'];
    for (const method of ['C0', 'K0', 'R'] as const) {
      const id = idOf(method === 'K0' ? stage.candidateId : stage.callId);
      const verb = method === 'R' ? 'DELETE' : 'POST';
      const path = `/cis/api/v1${erasingPath(method, { callId: id, candidateId: id })}`;
      const answer = await sendRaw(origin, rawRequest(`${verb} ${path}`, headers, body));
      expect(answer.status).toBe(404);
      const unknown = { callId: newId(0), candidateId: newId(0), otherId: '' };
      expect(answer.body.toString()).toBe((await erasing.send(method, unknown, { body })).body);
    }
  });
});

test('a candidate that is still being added is 404 like any that is unknown, and is there when it has been added', async () => {
  const { engine, caller } = erasing;
  const taskId = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
  const named = erasing.scene.faults.stop('candidates:named');
  const adding = addCandidates(engine, caller, [newCandidate(taskId, 'late', ['5125550301'])], { start: true });
  await named.reached;
  const candidateId = (await engine.store.reads.candidates.ofTask(caller.tenant.id, taskId, '', 9))[0]?.id ?? '';
  expectTwinError(await erasing.send('K0', { ...stage, candidateId }), 404, 'No such candidate');
  named.goOn();
  expect(await adding).toEqual([candidateId]);
  expectSilence(await erasing.send('K0', { ...stage, candidateId }));
});

test('a path without an id is no address of ours, and says so in the form of every error', async () => {
  for (const method of erasingMethods) {
    const answer = await erasing.send(method, { callId: '', candidateId: '', otherId: '' }, { body });
    expectTwinError(answer, 404, 'Not found');
  }
});

/** What the requests of a test may hold in a path. */
function decodable(text: string): string {
  return text.replaceAll(' ', '%20').replaceAll("'", '%27');
}
