import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithServers } from '../support/servers.ts';
import type { TacetProcess } from '../support/tacet-process.ts';
import { expectPurged } from './after-purge.ts';
import { PurgeCase } from './purge-case.ts';
import { calls, PurgeSeed, recordings } from './purge-seed.ts';

/** On two quiet cores a case takes a tenth of it. */
const caseMsMax = 300_000;
/** How a request for a purge of so many ends: with all of them, at the latest after ten seconds, or with its server. */
const answers: (number | string)[] = [calls, 'fetch failed'];

const refuse = (status: number, code: string) => ({ kind: 'answer', status, code }) as const;

describeWithServers(`a purge of ${calls} calls, ${recordings} of them with a recording, ends verified`, ({ s3 }) => {
  let seed: PurgeSeed;
  let purge: PurgeCase;

  beforeAll(async () => {
    seed = await PurgeSeed.plant(s3);
  }, caseMsMax);
  afterAll(async () => await seed.remove(), caseMsMax);
  beforeEach(async () => {
    purge = await PurgeCase.open(seed);
  }, caseMsMax);
  afterEach(async () => await purge.remove(), caseMsMax);

  async function kill(process: TacetProcess): Promise<void> {
    process.child.kill('SIGKILL');
    expect(await process.ended).toMatchObject({ signal: 'SIGKILL' });
  }

  test('when its server is killed in the middle of the shredding', { timeout: caseMsMax }, async () => {
    const [server] = await Promise.all([purge.start('serve'), purge.start('work'), purge.start('work')]);
    const answer = purge.purge(server);
    await purge.until(({ planned, shredded }) => shredded > 0 && planned < (2 * calls) / 3);
    await kill(server);
    expect(answers).toContain(await answer);
    await purge.untilVerified();
    await expectPurged(purge, s3.endpoint);
  });

  test('when the worker is killed that has taken it over from a server', { timeout: caseMsMax }, async () => {
    const [server, worker] = await Promise.all([purge.start('serve'), purge.start('work')]);
    const answer = purge.purge(server);
    await purge.until(({ shredded }) => shredded > 0);
    server.child.kill('SIGTERM');
    const { planned } = await purge.until(({ leaseOwner }) => leaseOwner?.startsWith('worker-') === true);
    await purge.until((now) => now.planned < planned || planned === 0);
    const next = purge.start('work');
    await kill(worker);
    await next;
    await purge.untilVerified();
    expect(answers).toContain(await answer);
    await expectPurged(purge, s3.endpoint);
  });

  test('when PostgreSQL is killed while keys are destroyed, and again while bytes go', {
    timeout: caseMsMax,
  }, async () => {
    const [server] = await Promise.all([purge.start('serve'), purge.start('work'), purge.start('work')]);
    const answer = purge.purge(server);
    await purge.until(({ planned, shredded }) => shredded > 0 && planned < (2 * calls) / 3);
    await seed.postgres.kill();
    await seed.postgres.again();
    await purge.until(({ planned }) => planned === 0);
    await seed.postgres.kill();
    await seed.postgres.again();
    await purge.untilVerified();
    // It may have been told that the database did not answer.
    await answer;
    await expectPurged(purge, s3.endpoint, { deep: true });
  });

  test('when S3 answers 500 to everything, and then 503 to every delete', { timeout: caseMsMax }, async () => {
    const [server] = await Promise.all([purge.start('serve'), purge.start('work'), purge.start('work')]);
    purge.proxy.inject({ fault: refuse(500, 'InternalError') });
    const answer = purge.purge(server);
    const { codes } = await purge.until(({ failed }) => failed === recordings);
    expect(codes).toEqual(['blob_failed']);
    purge.proxy.heal();
    const onDelete = { method: 'POST', path: /\?delete/, fault: refuse(503, 'SlowDown') };
    const { wasMet } = purge.proxy.inject(onDelete);
    const { attempts } = await purge.until(() => true);
    // The attempt after this one meets nothing else from its first item on, and is over when one more begins.
    const still = await purge.until((now) => now.attempts > attempts + 1);
    expect(wasMet()).toBe(true);
    expect(still).toMatchObject({ failed: recordings, codes: ['blob_failed'] });
    purge.proxy.heal();
    await purge.untilVerified();
    expect(answers).toContain(await answer);
    await expectPurged(purge, s3.endpoint);
  });

  test('when S3 is slow', { timeout: caseMsMax }, async () => {
    const [server] = await Promise.all([purge.start('serve'), purge.start('work'), purge.start('work')]);
    purge.proxy.inject({ fault: { kind: 'delay', ms: 200 } });
    const answer = purge.purge(server);
    await purge.untilVerified();
    expect(answers).toContain(await answer);
    await expectPurged(purge, s3.endpoint);
  });

  test('when S3 cuts connections, and does not let one key be deleted for a while, of which only its item tells', {
    timeout: caseMsMax,
  }, async () => {
    const denied = await purge.copy.oneRecording();
    await denied.deny();
    const [server] = await Promise.all([purge.start('serve'), purge.start('work'), purge.start('work')]);
    // What was asked for is done, and whoever asked does not hear of it.
    purge.proxy.inject({ method: 'POST', path: /\?delete/, times: 6, fault: { kind: 'lose' } });
    const versions = /\?versions|&versions/;
    purge.proxy.inject({ method: 'GET', path: versions, times: 6, fault: { kind: 'cut', afterBytes: 60 } });
    const answer = purge.purge(server);
    const stuck = await purge.until(({ verified }) => verified === calls - 1);
    expect(stuck).toMatchObject({ erasure: 'running', failed: 1, codes: ['blob_failed'] });
    await denied.allow();
    await purge.untilVerified();
    expect(answers).toContain(await answer);
    await expectPurged(purge, s3.endpoint);
  });
});
