import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CreovaiClient } from '../support/creovai-client.ts';
import { postgresServer } from '../support/postgres.ts';
import type { TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { expectEnds, ProcessesScene } from './scene.ts';

const server = postgresServer();
const caseMsMax = 150_000;

/** How the processes go, one after the other, each replaced by another before the next. */
const ends: readonly (readonly [which: 'serve' | 'work', how: 'SIGTERM' | 'SIGKILL'])[] = [
  ['serve', 'SIGKILL'],
  ['work', 'SIGKILL'],
  ['serve', 'SIGTERM'],
  ['work', 'SIGTERM'],
];

describe.skipIf(server === undefined)('two servers and two workers on one archive', { timeout: caseMsMax }, () => {
  let scene: ProcessesScene;
  let serving: TacetProcess[];
  let working: TacetProcess[];

  beforeEach(async () => {
    if (server) scene = await ProcessesScene.open(server);
    serving = await Promise.all([1, 2].map(() => scene.start(['serve'], { TACET_WORKERS: '0' })));
    working = await Promise.all([1, 2].map(() => scene.start(['work'])));
  }, caseMsMax);

  afterEach(async () => await scene.remove(), caseMsMax);

  /** Ends the one that has run longest, and starts another in its place. */
  async function replace(which: 'serve' | 'work', how: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const all = which === 'serve' ? serving : working;
    const old = all.shift();
    if (old === undefined) throw new Error('none is left');
    if (how === 'SIGTERM') await expectEnds(old);
    else {
      old.child.kill('SIGKILL');
      await old.ended;
    }
    all.push(await scene.start([which], which === 'serve' ? { TACET_WORKERS: '0' } : {}));
  }

  /** Asks whichever server is there until one answers in the affirmative; `isLater` where it may be asked again. */
  async function ask<T>(work: (client: CreovaiClient) => Promise<T>, isLater: (answer: T) => boolean): Promise<T> {
    let answer: { is: T } | undefined;
    let turn = 0;
    await until(async () => {
      turn += 1;
      const one = serving[turn % serving.length];
      if (one === undefined) return false;
      // One that dies cuts its connections; one that is gone refuses them.
      const got = await scene
        .client(one)
        .then(async (client) => ({ is: await work(client) }))
        .catch(() => undefined);
      if (got === undefined || isLater(got.is)) return false;
      answer = got;
      return true;
    });
    if (answer === undefined) throw new Error('nobody has answered');
    return answer.is;
  }

  const audio = randomBytes(60_000);
  const phoneOf = (no: number) => `+1512555${1000 + no}`;

  async function archive(no: number): Promise<string> {
    const asked = await ask(
      async (client) => await client.archive(`call ${no}`, phoneOf(no), audio),
      ({ status }) => status === 503,
    );
    expect(asked.status, asked.message).toBe(200);
    return asked.callId ?? '';
  }

  async function purge(no: number): Promise<void> {
    const subject = { phoneNumber: phoneOf(no) };
    await ask(
      async (client) => await client.purge('/customer', subject),
      (items) => items.some((item) => item.status === 'Error'),
    );
    await until(
      async () =>
        (await ask(
          async (client) => await client.status(`call ${no}`),
          () => false,
        )) === 'NotFound',
    );
  }

  test('lose nothing while each of them is ended or killed in turn', async () => {
    let isOver = false;
    const kept = new Map<number, string>();
    let [next, purged] = [0, 0];
    const traffic = async () => {
      while (!isOver) {
        const no = next;
        next += 1;
        const callId = await archive(no);
        if (no % 2 === 0) {
          kept.set(no, callId);
          continue;
        }
        await purge(no);
        purged += 1;
      }
    };
    const lanes = [traffic(), traffic(), traffic()];
    for (const [which, how] of ends) {
      const soFar = purged;
      await Promise.race([until(async () => purged > soFar), ...lanes]);
      await replace(which, how);
    }
    isOver = true;
    await Promise.all(lanes);
    await scene.untilNoJobs();
    for (const [no, callId] of kept) {
      const answer = await ask(
        async (client) => await client.recording(callId),
        ({ status }) => status === 503,
      );
      expect(answer.status, `call ${no}`).toBe(200);
      expect(Buffer.from(await answer.arrayBuffer()).equals(audio)).toBe(true);
    }
    for (const one of [...serving, ...working]) await expectEnds(one);
    await scene.expectAtRest();
    expect(kept.size).toBeGreaterThan(ends.length);
  });

  test('one that is told to end takes an upload to its end; of one that is killed in it the other is free of it soon', async () => {
    const [ending, other] = serving;
    if (ending === undefined || other === undefined) throw new Error('two are needed');
    const [here, there] = [await scene.client(ending), await scene.client(other)];
    const slow = here.slowUpload('slow', '+15125550001');
    slow.upload.write(audio);
    await until(async () => (await there.status('slow')) === 'InProgress');
    const ended = expectEnds(ending);
    slow.end();
    expect(await slow.answer).toBe(200);
    await ended;
    expect(await there.status('slow')).toBe('Complete');
    const doomed = there.slowUpload('cut', '+15125550002');
    const answer = doomed.answer.catch(() => 'cut');
    doomed.upload.write(audio);
    await until(async () => (await there.status('cut')) === 'InProgress');
    other.child.kill('SIGKILL');
    await other.ended;
    expect(await answer).toBe('cut');
    serving = [await scene.start(['serve'])];
    expect(
      await ask(
        async (client) => await client.archive('cut', '+15125550002', audio),
        ({ status }) => status === 503,
      ),
    ).toMatchObject({ status: 200 });
    for (const one of [...serving, ...working]) await expectEnds(one);
    await scene.expectAtRest();
  });
});
