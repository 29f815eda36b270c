/** Processes on machines that are not alike: their clocks differ, or one of them cannot reach the vault. */
import { randomBytes } from 'node:crypto';
import { rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CreovaiClient } from '../support/creovai-client.ts';
import { postgresServer } from '../support/postgres.ts';
import type { TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { expectEnds, ProcessesScene } from './scene.ts';

const server = postgresServer();
const caseMsMax = 120_000;
const audio = randomBytes(20_000);
/** How often a process looks for leases that are over, and how long one of an upload is here. */
const [roundMs, leaseMs] = [10_000, 2000];

/** Settings of a process whose machine's clock is so many ms ahead. */
function aheadBy(ms: number): Record<string, string> {
  const script = `const now=Date.now;Date.now=()=>now()+${ms}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}

describe.skipIf(server === undefined)('processes of one archive', { timeout: caseMsMax }, () => {
  let scene: ProcessesScene;

  beforeEach(async () => {
    if (server) scene = await ProcessesScene.open(server);
  }, caseMsMax);

  afterEach(async () => await scene.remove(), caseMsMax);

  test('whose clocks are seconds ahead and an hour behind take nothing from each other, and take each other`s tokens', async () => {
    const [late, early] = [aheadBy(5000), aheadBy(-3_600_000)];
    const alone = { TACET_WORKERS: '0' };
    const serving = [
      await scene.start(['serve'], { ...early, ...alone }),
      await scene.start(['serve'], { ...late, ...alone }),
    ] as const;
    const working = [await scene.start(['work'], early), await scene.start(['work'], late)];
    const clients = [await scene.client(serving[0]), await scene.client(serving[1])] as const;
    // A token of the one opens the other.
    const token = await scene.token(await serving[0].listening);
    expect(await new CreovaiClient(await serving[1].listening, token).status('nobody')).toBe('NotFound');
    const slow = clients[0].slowUpload('slow', '+15125550001');
    slow.upload.write(audio);
    const sessions = Array.from({ length: 6 }, (_, no) => `call ${no}`);
    for (const [no, session] of sessions.entries()) {
      const [here, there] = no % 2 === 0 ? clients : [clients[1], clients[0]];
      expect(await here.archive(session, `+1512555${1000 + no}`, audio)).toMatchObject({ status: 200 });
      await expectPurged(there, session, `+1512555${1000 + no}`);
    }
    // Until everybody has looked for leases that are over; that of the slow one stood all the time.
    const isRenewedFor = async (ms: number) =>
      await scene.look(async ({ engine }) => {
        const calls = await engine.store.reads.calls.page('', 100);
        return calls.some(({ uploadUntil, createdAt }) => uploadUntil !== null && uploadUntil > createdAt + ms);
      });
    await until(async () => await isRenewedFor(roundMs + leaseMs));
    slow.end();
    expect(await slow.answer).toBe(200);
    await scene.untilNoJobs();
    for (const one of [...serving, ...working]) await expectEnds(one);
    await scene.look(async ({ engine }) => {
      const jobs = await engine.store.reads.jobs.list({ unfinishedOnly: false, limit: 100 });
      expect(jobs.map((job) => job.attempts)).toEqual(jobs.map(() => 1));
      expect(jobs).toHaveLength(sessions.length);
    });
    await scene.expectAtRest();
  });

  test('of which one cannot reach the vault go on without it: it is not ready and serves no reads until it can', async () => {
    const [vault, way] = [join(scene.folder, 'home-keys'), join(scene.folder, 'mounted-keys')];
    await symlink(vault, way);
    const cut = await scene.start(['serve'], { TACET_KEYS_DIR: way });
    const whole = await scene.start(['serve']);
    const [there, here] = [await scene.client(cut), await scene.client(whole)];
    const { callId = '' } = await here.archive('kept', '+15125550001', audio);
    expect((await there.recording(callId)).status).toBe(200);
    await rename(way, `${way}-gone`);
    await until(async () => (await readyOf(cut)) === 503);
    await until(async () => (await there.recording(callId)).status !== 200);
    expect((await there.recording(callId)).status).toBe(503);
    expect(await readyOf(whole)).toBe(200);
    expect((await here.recording(callId)).status).toBe(200);
    await here.archive('purged', '+15125550002', audio);
    await expectPurged(here, 'purged', '+15125550002');
    await rename(`${way}-gone`, way);
    await until(async () => (await readyOf(cut)) === 200);
    expect((await there.recording(callId)).status).toBe(200);
    expect(await there.status('purged')).toBe('NotFound');
    for (const one of [cut, whole]) await expectEnds(one);
    await scene.expectAtRest();
  });
});

async function expectPurged(client: CreovaiClient, session: string, phone: string): Promise<void> {
  expect(await client.purge('/customer', { phoneNumber: phone })).toMatchObject([{ status: 'Purging' }]);
  await until(async () => (await client.status(session)) === 'NotFound');
}

async function readyOf({ listening }: TacetProcess): Promise<number> {
  return (await fetch(`${await listening}/readyz`)).status;
}
