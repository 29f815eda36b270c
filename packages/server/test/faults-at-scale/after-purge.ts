/** What must hold once a purge that met a fault has come to its end, and nothing runs any more. */
import { expect } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { silentLog } from '../../src/lib/log.ts';
import { expectAtRest, standingOf } from '../crash/invariants.ts';
import { callerOf } from '../crash/life.ts';
import { leftIn } from './object-copies.ts';
import type { PurgeCase } from './purge-case.ts';
import { bystanders, calls } from './purge-seed.ts';

/** Every lease of a process that is gone is over by then. */
const laterMs = 5 * 60_000;
/** More rows than a purge leaves. */
const all = 100_000;

/**
 * Ends the processes, in order, and looks at everything: each item is verified and told of once, each slot journaled once,
 * `fsck` finds nothing, no version of a purged object is left, and whoever was not meant has all there was.
 */
export async function expectPurged(purge: PurgeCase, s3Endpoint: string, { deep = false } = {}): Promise<void> {
  expect(await purge.end()).toEqual([]);
  const config = readConfig(purge.copy.env(s3Endpoint));
  const later = await openApp(config, { log: silentLog, clock: { now: () => Date.now() + laterMs } });
  // What killed processes had reserved is ended first, as the next process does.
  await later.prepare();
  await later.engine.rootKeys.seal();
  await later.engine.rootKeys.expire();
  await later.close();
  const app = await openApp(config, { log: silentLog });
  try {
    await expectToldOnce(app);
    await expectAtRest(app, config, { deep });
    await expectBystanders(app);
  } finally {
    await app.close();
  }
  await expectObjectsGone(purge);
}

/** The erasure has all its times, and each of its items is in one audit row, and in one journal row. */
async function expectToldOnce({ engine }: App): Promise<void> {
  const { reads } = engine.store;
  const erasures = await reads.erasures.page('', all);
  expect(erasures).toHaveLength(1);
  const [erasure] = erasures;
  expect(erasure).toMatchObject({
    state: 'completed',
    unreadableAt: expect.any(Number),
    shreddedAt: expect.any(Number),
    sealedAt: expect.any(Number),
    goneAt: expect.any(Number),
  });
  expect(await reads.erasures.tally(erasure?.id ?? '')).toMatchObject({ items: calls, verified: calls });
  const audit = await reads.audit.page('', all);
  expect(audit.filter(({ event }) => event === 'erasure.completed')).toHaveLength(1);
  const shredded = audit.filter(({ event }) => event === 'erasure.shredded');
  expect(shredded.reduce((sum, { detail }) => sum + Number(detail['items']), 0)).toBe(calls);
  const journaled = (await reads.journal.page('', all)).flatMap(({ kind, ownerId }) =>
    kind === 'item_erased' ? [ownerId] : [],
  );
  expect([journaled.length, new Set(journaled).size]).toEqual([calls, calls]);
}

async function expectBystanders({ engine }: App): Promise<void> {
  const [tenant] = await engine.store.reads.tenants.list();
  if (tenant === undefined) throw new Error('there is no tenant');
  for (const call of bystanders) expect(await standingOf(engine, callerOf(tenant), call)).toBe('whole');
}

/** Of all recordings only the bystander's is there, once, beside what the archive keeps for itself. */
async function expectObjectsGone({ copy }: PurgeCase): Promise<void> {
  const left = await leftIn(copy.objects);
  expect(left.filter(({ kind }) => kind !== 'version')).toEqual([]);
  const blobs = left.filter(({ name }) => /^[0-9a-f]{8}-/.test(name));
  expect(blobs).toHaveLength(bystanders.filter(({ bytes }) => bytes > 0).length);
}
