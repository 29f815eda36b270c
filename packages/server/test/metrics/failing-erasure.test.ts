import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectorsOf } from '../../src/engine/upkeep/readings.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { PromMeter } from '../../src/metrics/prom-meter.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { sumOf } from '../support/metrics-page.ts';
import { StubbornBlobs } from '../support/stubborn-blobs.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: CreovaiClient;
let blobs: StubbornBlobs;
let meter: PromMeter;
let lapsedMs: number;

beforeEach(async () => {
  lapsedMs = 0;
  blobs = new StubbornBlobs({ clock: systemClock });
  meter = new PromMeter();
  app = await startApp({ blobs, meter, clock: { now: () => Date.now() + lapsedMs } });
  meter.collectBy(collectorsOf(app.engine));
  client = new CreovaiClient(await app.listen(), await app.token());
});
afterEach(async () => await app.close());

async function archived(session: string): Promise<string> {
  const { callId = '' } = await client.archive(session, '+15125551234', Buffer.from(session.repeat(100)));
  return callId;
}

async function valueNow(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  return sumOf(await meter.page(), name, labels);
}

describe('an erasure whose bytes will not go at first', () => {
  test('tells its failure, what waits meanwhile, and its end, each as often as it happened', async () => {
    const stuck = await archived('stuck');
    blobs.stuck.add(stuck);
    await client.purge('', { ids: [stuck] });
    await until(async () => (await valueNow('tacet_jobs_retried_total', { code: 'blob_failed' })) === 1);
    expect(await valueNow('tacet_items_total', { outcome: 'failed' })).toBe(1);
    expect(await valueNow('tacet_doomed_blobs')).toBe(1);
    expect(await valueNow('tacet_erasure_seconds_count', { until: 'shredded' })).toBe(1);
    expect(await valueNow('tacet_erasure_seconds_count', { until: 'verified' })).toBe(0);

    blobs.stuck.clear();
    lapsedMs += 10 * 60_000;
    app.engine.nudge();
    await untilQuiet(app.engine);
    expect(await valueNow('tacet_jobs_claimed_total')).toBeGreaterThan(0);
    expect(await valueNow('tacet_jobs_finished_total')).toBe(1);
    expect(await valueNow('tacet_doomed_blobs')).toBe(0);
    expect(await valueNow('tacet_erasure_moves_total', { from: 'running', to: 'completed' })).toBe(1);
    const took = ['shredded', 'sealed', 'verified'].map((end) =>
      valueNow('tacet_erasure_seconds_count', { until: end }),
    );
    expect(await Promise.all(took)).toEqual([1, 1, 1]);
    expect(await valueNow('tacet_erasure_seconds_sum', { until: 'verified' })).toBeGreaterThan(600);
  });
});
