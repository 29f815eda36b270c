import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { silentLog } from '../../src/lib/log.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp } from '../support/harness.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { expectAtRest } from './invariants.ts';
import { archive, callerOf, lifeConfig, lifeEnv } from './life.ts';
import { untilQuiet } from './quiet.ts';

describe('`keys seal` from a second process in the middle of a purge', () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await startScene();
  });

  afterEach(async () => await scene.end());

  /** Purges one of two calls; when the purge comes to `point` a second process seals, under a fault of its own. */
  async function purgeWhileSealing(
    point: string,
    env: Record<string, string>,
  ): Promise<Awaited<TacetProcess['ended']>> {
    const [kept, purged] = [
      await scene.archived('kept', '+15125551111'),
      await scene.archived('purged', '+15125552222'),
    ];
    const stopped = scene.faults.stop(point);
    const answer = scene.client.purge('', { ids: [purged] });
    await stopped.reached;
    const settings = { TACET_HOME: scene.app.config.home, TACET_BACKUP_HORIZON: '0' };
    const ended = await startTacet(['keys', 'seal', '--json'], { ...settings, ...env }).ended;
    stopped.goOn();
    expect((await answer)[0]?.status).toBe('Purging');
    await untilQuiet(scene.app.engine);
    expect(await scene.client.status('purged')).toBe('NotFound');
    await scene.expectPlays(kept);
    expect(await scene.storedBlobs()).toHaveLength(1);
    await scene.app.engine.rootKeys.seal();
    await scene.app.engine.rootKeys.expire();
    expect((await scene.app.engine.rootKeys.status()).rootKeys).toHaveLength(1);
    return ended;
  }

  test.each(['erase:gated', 'shred:committed', 'remove:bytes-erased', 'verify:looked'])(
    'at %s seals, and both go well',
    async (point) => {
      const { code, output, errors } = await purgeWhileSealing(point, {});
      expect(code, errors).toBe(0);
      expect(JSON.parse(output)).toMatchObject({ generation: expect.any(Number) });
    },
  );

  test.each(['seal:begun', 'seal:vault-written', 'seal:row-written', 'seal:committed', 'seal:head-moved'])(
    'dies at %s, and the purge ends well',
    async (fault) => {
      const { signal, errors } = await purgeWhileSealing('shred:committed', { TACET_FAULT: fault });
      expect(signal, errors).toBe('SIGKILL');
    },
  );
});

describe('a server killed in the middle of a purge', () => {
  const calls = 300;
  const phone = '+15125551234';
  const leaseMs = 1000;
  /** From the end of a lease: the poll of a worker, and the steps that are left on a busy machine. */
  const slackMs = 8000;
  const folder = mkdtempSync(join(tmpdir(), 'tacet-neighbours-'));
  const env = lifeEnv(folder, { TACET_JOB_LEASE: `${leaseMs}ms` });
  const started: TacetProcess[] = [];

  afterAll(async () => {
    for (const one of started) one.child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  test(`of ${calls} calls is relieved by another worker within its lease, and every call goes`, {
    timeout: 60_000,
  }, async () => {
    const { clientId, clientSecret } = await seed();
    const neighbour = startTacet(['work'], env);
    const server = startTacet(['serve'], { ...env, TACET_WORKERS: '0', TACET_FAULT: 'shred:committed' });
    started.push(neighbour, server);
    const client = new CreovaiClient(
      await server.listening,
      await tokenOf(await server.listening, clientId, clientSecret),
    );
    const answer = await client.purge('/customer', { phoneNumber: phone }).catch((error: Error) => error.message);
    expect(answer, server.errors()).toBe('fetch failed');
    expect((await server.ended).signal).toBe('SIGKILL');
    const killedAt = Date.now();

    const app = await openApp(lifeConfig(folder), { log: silentLog });
    const { reads } = app.engine.store;
    const [erasure] = await reads.erasures.page('', 1);
    const erasureId = erasure?.id ?? '';
    await until(async () => (await reads.erasures.tally(erasureId)).planned === 0);
    expect(Date.now() - killedAt).toBeLessThan(leaseMs + slackMs);
    await untilQuiet(app.engine);
    expect(await reads.erasures.tally(erasureId)).toMatchObject({ items: calls, verified: calls });
    const [job] = await reads.jobs.list({ unfinishedOnly: false, limit: 1 });
    expect(job?.attempts).toBeGreaterThan(1);
    neighbour.child.kill('SIGTERM');
    expect((await neighbour.ended).code).toBe(0);
    await app.prepare();
    await app.engine.rootKeys.seal();
    await app.engine.rootKeys.expire();
    await expectAtRest(app, lifeConfig(folder));
    await app.close();
  });

  /** A tenant, a client, and the calls of one customer. */
  async function seed() {
    const seeding = await startApp({ folder, env, workers: 0 });
    const { engine, tenant, client } = seeding;
    const numbers = Array.from({ length: calls }, (_, i) => i);
    const lane = async () => {
      for (let i = numbers.pop(); i !== undefined; i = numbers.pop()) {
        await archive(engine, callerOf(tenant), { session: `bulk-${i}`, phone, bytes: 500 });
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    await seeding.close();
    return client;
  }
});

async function tokenOf(url: string, clientId: string, clientSecret: string): Promise<string> {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const answer = await fetch(`${url}/Token`, { method: 'POST', body: new URLSearchParams(form) });
  return ((await answer.json()) as { access_token: string }).access_token;
}
