/** Recordings that were erased and that the old bucket would not let go of when the archive moved away. */
import { afterAll, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { silentLog } from '../../src/lib/log.ts';
import { callerOf, cast, tenantSlug } from '../crash/life.ts';
import { purgeAll, Stage } from '../restore/stage.ts';
import { scalePlaces } from '../support/pair.ts';
import type { TestBucket } from '../support/s3-server.ts';
import { describeWithServers } from '../support/servers.ts';
import { startTacet } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { newTarget, versionsIn } from './moves.ts';

const wholeMsMax = 120_000;
const { kept, purged } = cast;

const removals: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const remove of removals) await remove();
});

/** Has the bucket keep whatever it has of a call until then. A lock of governance, so that it can be taken back. */
async function lock({ s3, place }: TestBucket, callId: string, until: Date): Promise<void> {
  const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: until } as const;
  const { Versions = [] } = await s3.listObjectVersions({ Bucket: place.bucket });
  for (const { Key, VersionId } of Versions.filter((one) => one.Key?.includes(callId))) {
    const which = { Bucket: place.bucket, Key, VersionId };
    await s3.putObjectRetention({ ...which, Retention, BypassGovernanceRetention: true });
  }
}

/** Purges a call whose recording is locked: its keys are destroyed, and its bytes stay. */
async function purgeLocked(stage: Stage): Promise<void> {
  const app = await openApp(stage.config, { log: silentLog });
  const { engine } = app;
  const tenant = await engine.store.reads.tenants.find({ slug: tenantSlug });
  if (tenant === undefined) throw new Error('nobody has archived anything');
  app.startBackground(1);
  await purgeAll({ app, engine, caller: callerOf(tenant), stage }, { by: 'sessions', ids: [purged.session] });
  await until(async () => {
    const [erasure] = await engine.store.reads.erasures.page('', 1);
    return (await engine.store.reads.erasures.itemsOf([erasure?.id ?? ''])).some((item) => item.state === 'failed');
  });
  await app.close();
}

describeWithServers('a move away from a bucket that keeps an erased recording', (servers) => {
  test('says so with the end of the lock and fails, and run again when that is over it has the recording go', {
    timeout: wholeMsMax,
  }, async () => {
    const [old, target] = [await scalePlaces(servers), await newTarget(servers)];
    const stage = new Stage(old.env);
    removals.push(old.remove, target.remove, async () => stage.end());
    await stage.process(async (at) => await stage.archive(at, kept, purged));
    const id = stage.idOf(purged);
    const tomorrow = new Date(Date.now() + 24 * 3_600_000);
    await lock(old.bucket, id, tomorrow);
    await purgeLocked(stage);

    const moving = async () => {
      const { code, output, errors } = await startTacet(['move', ...target.args, '--json'], stage.env).ended;
      expect(errors).not.toMatch(/failed/);
      return { code, errors, told: JSON.parse(output) as { leftBehind: { lockedUntil: string | null } } };
    };
    const first = await moving();
    expect(first).toMatchObject({ code: 1, told: { moved: true, clean: true } });
    expect(first.told.leftBehind).toMatchObject({ blobs: 1, codes: { blob_locked: 1 } });
    // Ceph keeps whole milliseconds, and gives back a fraction of them.
    expect(Math.abs(Date.parse(first.told.leftBehind.lockedUntil ?? '') - tomorrow.getTime())).toBeLessThan(1000);
    expect(first.errors).toContain('the old blob store keeps 1 erased recordings (blob_locked: 1, the last lock ends ');

    // Its servers may run meanwhile.
    const server = startTacet(['serve'], { ...stage.env, ...target.env, TACET_LISTEN: '127.0.0.1:0' });
    await server.listening;
    const soon = new Date(Date.now() + 1000);
    await lock(old.bucket, id, soon);
    await until(async () => Date.now() > soon.getTime());
    const again = await moving();
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
    expect(again).toMatchObject({ code: 0, told: { moved: true, clean: true } });
    expect(again.told.leftBehind).toEqual({ blobs: 0, codes: {}, lockedUntil: null });
    const left = await versionsIn(old.bucket);
    expect(left.filter((key) => key.includes(id))).toEqual([]);
    // The living stay where they were, as a backup.
    expect(left.filter((key) => key.includes(stage.idOf(kept)))).toHaveLength(1);
  });
});
