/** Every code by which an operation says that the state of things is against it is met here by a request that provokes it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { statusOf } from '../../src/http/native/errors.ts';
import { operations } from '../../src/http/native/operations.ts';
import { addCandidateWithCalls } from '../guard/candidate.ts';
import { formOf, formType } from '../support/creovai-forms.ts';
import { type FuzzScene, startFuzzScene } from '../support/fuzz-scene.ts';
import { callPart, recordingPart } from '../support/native-client.ts';
import { NativeWrites } from '../support/native-writes.ts';

type Request = { url: string; payload?: string | Buffer; type?: string; method?: 'GET' | 'PUT' | 'PATCH' };

let scene: FuzzScene;
let writes: NativeWrites;

beforeAll(async () => {
  scene = await startFuzzScene({ env: { TACET_RATE_LIMIT: '0' } });
  writes = new NativeWrites(scene.app, scene.token);
}, 60_000);
afterAll(async () => await scene.close(), 60_000);

const declared = operations.flatMap(({ id, errors }) =>
  errors.filter((code) => statusOf(code) === 409).map((code) => ({ name: `${id} ${code}`, code })),
);

/** Met by no request alone. */
const unprovoked: ReadonlyMap<string, string> = new Map([
  ['createErasure plan_cancelled', 'somebody has to call the plan off while it is drawn: test/native/execute-races'],
  ['executeErasure call_live', "only of a vendor's plan that was approved: test/guard/vendor-routes"],
]);

async function send({ url, payload, type = 'application/json', method }: Request) {
  const headers = { authorization: `Bearer ${scene.token}`, ...(payload !== undefined && { 'content-type': type }) };
  const asked = { method: method ?? ('POST' as const), url, headers, ...(payload !== undefined && { payload }) };
  return await scene.app.http.inject(asked);
}

async function good(request: Request): Promise<Record<string, unknown>> {
  const answer = await send(request);
  expect(answer.statusCode, `${request.url} ${answer.body}`).toBeLessThan(300);
  return answer.json<Record<string, unknown>>();
}

let count = 0;
const session = () => {
  count += 1;
  return `conflict-${count}`;
};
const callOf = (said: object = {}) => JSON.stringify({ startedAt: '2026-01-02T03:04:05Z', ...said });

async function erased(subject: object, action = 'purge'): Promise<void> {
  const { id, digest } = await good({ url: '/v1/erasures', payload: JSON.stringify({ action, subject }) });
  await good({ url: `/v1/erasures/${String(id)}/execute?wait=20`, payload: JSON.stringify({ digest }) });
}

/** A call with a recording, and the very request that archived it. */
async function recorded(): Promise<{ id: string; again: Request }> {
  const parts = [
    callPart({ startedAt: '2026-01-02T03:04:05Z', sessionId: session() }),
    recordingPart(Buffer.alloc(99, 7)),
  ];
  const again = { url: '/v1/calls', payload: formOf(parts), type: formType };
  return { id: String((await good(again))['id']), again };
}

async function withoutRecording(): Promise<{ id: string; again: Request }> {
  const made = await recorded();
  await erased({ calls: [made.id] }, 'delete-recording');
  return made;
}

async function depersonalized(): Promise<string> {
  const call = await writes.call();
  await erased({ calls: [call] }, 'depersonalize');
  return call;
}

const storing = (id: string, payload: string): Request => ({
  ...{ url: `/v1/calls/${id}/recording`, payload, type: 'audio/wav', method: 'PUT' },
});

async function cancelled(): Promise<{ id: string; digest: string }> {
  const plan = await writes.plan();
  await good({ url: `/v1/erasures/${plan.id}/cancel`, payload: '{}' });
  return plan;
}

const asking = (verb: string, { id, digest }: { id: string; digest: string }): Request => ({
  ...{ url: `/v1/erasures/${id}/${verb}`, payload: JSON.stringify({ digest }) },
});
const other = 'another';

const provoking: Readonly<Record<string, () => Promise<Request>>> = {
  'archiveCall call_erased': async () => {
    const payload = callOf({ sessionId: session() });
    const { id } = await good({ url: '/v1/calls', payload });
    await erased({ calls: [id] });
    return { url: '/v1/calls', payload };
  },
  'archiveCall candidate_erased': async () => {
    const { candidateId } = await addCandidateWithCalls(scene.app, 1);
    await erased({ candidates: [candidateId] });
    return { url: '/v1/calls', payload: callOf({ candidateId }) };
  },
  'archiveCall recording_erased': async () => (await withoutRecording()).again,
  'archiveCall session_taken': async () => {
    const sessionId = session();
    await good({ url: '/v1/calls', payload: callOf({ sessionId }) });
    return { url: '/v1/calls', payload: callOf({ sessionId, botName: other }) };
  },
  'changeCall call_erased': async () => ({
    ...{ url: `/v1/calls/${await depersonalized()}`, payload: '{"nps":1}', method: 'PATCH' },
  }),
  'changeCall item_held': async () => {
    const url = `/v1/calls/${await writes.call()}`;
    await good({ url, payload: '{"nps":1}', method: 'PATCH' });
    const subject = { calls: [url.slice('/v1/calls/'.length)] };
    await good({ url: '/v1/holds', payload: JSON.stringify({ subject, reason: 'Claim' }) });
    return { url, payload: '{"nps":2}', method: 'PATCH' };
  },
  'storeRecording call_erased': async () => {
    const call = await writes.call();
    await erased({ calls: [call] });
    return storing(call, 'bytes');
  },
  'storeRecording recording_erased': async () => storing((await withoutRecording()).id, 'bytes'),
  'storeRecording recording_exists': async () => storing((await recorded()).id, 'other bytes'),
  'approveErasure erasure_state': async () => asking('approve', await writes.plan()),
  'approveErasure plan_cancelled': async () => asking('approve', await cancelled()),
  'approveErasure digest_mismatch': async () => asking('approve', { ...(await writes.stopped()), digest: other }),
  'approveErasure approval_own': async () => asking('approve', await writes.stopped(scene.token)),
  'executeErasure erasure_state': async () => {
    const plan = await writes.plan();
    await good(asking('execute', plan));
    return asking('execute', plan);
  },
  'executeErasure plan_cancelled': async () => asking('execute', await cancelled()),
  'executeErasure digest_mismatch': async () => asking('execute', { ...(await writes.plan()), digest: other }),
  'executeErasure approval_required': async () => asking('execute', await writes.stopped()),
  'cancelErasure erasure_state': async () => ({ url: `/v1/erasures/${await writes.waiting()}/cancel`, payload: '{}' }),
  'retryErasure erasure_state': async () => ({ url: `/v1/erasures/${(await writes.plan()).id}/retry`, payload: '{}' }),
  'readReceipt receipt_not_ready': async () => ({
    ...{ url: `/v1/erasures/${(await writes.plan()).id}/receipt`, method: 'GET' },
  }),
  'createUser user_exists': async () => {
    const request = { url: '/v1/users', payload: '{"email":"conflict@example.com","scopes":["calls:read"]}' };
    await good(request);
    return request;
  },
};

describe('every conflict that an operation declares is met:', () => {
  test.each(declared.filter(({ name }) => !unprovoked.has(name)))(
    '$name',
    async ({ name, code }) => {
      const request = await provoking[name]?.();
      expect(request, 'nothing provokes it').toBeDefined();
      if (request === undefined) return;
      const answer = await send(request);
      const said = { status: 409, code };
      expect(JSON.parse(answer.body), `${request.url} ${answer.body}`).toMatchObject(said);
    },
    30_000,
  );

  test('and no case is one too many', () => {
    const names = declared.map(({ name }) => name);
    expect(Object.keys(provoking).filter((name) => !names.includes(name))).toEqual([]);
  });
});
