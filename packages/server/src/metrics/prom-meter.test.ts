import { describe, expect, test } from 'vitest';
import { samplesOf, sumOf } from '../../test/support/metrics-page.ts';
import type { Reading } from '../model/meter.ts';
import { metrics } from '../model/metrics.ts';
import { PromMeter } from './prom-meter.ts';

const due: Reading = { name: 'tacet_jobs_due', labels: {}, value: 3 };
const openKeys: Reading = { name: 'tacet_root_keys', labels: { state: 'open' }, value: 2 };

describe('the page', () => {
  test('has every metric of the table, with its help and type', async () => {
    const page = await new PromMeter().page();
    for (const [name, { help, type }] of Object.entries(metrics)) {
      expect(page).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    }
  });

  test('tells what was counted and observed, by labels', async () => {
    const meter = new PromMeter();
    meter.count('tacet_seals_total', { outcome: 'made' });
    meter.count('tacet_slots_issued_total', {}, 4);
    meter.observe('tacet_erasure_seconds', { until: 'shredded' }, 0.3);
    const page = await meter.page();
    expect(sumOf(page, 'tacet_seals_total', { outcome: 'made' })).toBe(1);
    expect(sumOf(page, 'tacet_slots_issued_total')).toBe(4);
    expect(sumOf(page, 'tacet_erasure_seconds_sum', { until: 'shredded' })).toBe(0.3);
    expect(sumOf(page, 'tacet_erasure_seconds_bucket', { until: 'shredded', le: '0.25' })).toBe(0);
    expect(sumOf(page, 'tacet_erasure_seconds_bucket', { until: 'shredded', le: '0.5' })).toBe(1);
  });

  test('shows failures as 0 before the first, so that the first is an increase', async () => {
    const page = await new PromMeter().page();
    expect(sumOf(page, 'tacet_seals_total', { outcome: 'failed' })).toBe(0);
    expect(sumOf(page, 'tacet_jobs_retried_total', { code: 'vault_unreachable' })).toBe(0);
    expect(sumOf(page, 'tacet_vault_looks_total', { outcome: 'lost' })).toBe(0);
  });

  test('takes a duration below 0, of two clocks that differ, for 0', async () => {
    const meter = new PromMeter();
    meter.observe('tacet_erasure_seconds', { until: 'sealed' }, -5);
    expect(sumOf(await meter.page(), 'tacet_erasure_seconds_sum', { until: 'sealed' })).toBe(0);
  });

  test('has what any process has: the lag of the event loop, and memory', async () => {
    const names = new Set(samplesOf(await new PromMeter().page()).map(({ name }) => name));
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes'])
      expect(names).toContain(name);
  });
});

describe('gauges', () => {
  test('show what they stand at when the page is asked for', async () => {
    const meter = new PromMeter();
    let value = 0;
    const collect = async () => {
      value += 1;
      return [{ ...due, value }];
    };
    meter.collectBy([{ name: 'backlog', collect }]);
    expect(sumOf(await meter.page(), 'tacet_jobs_due')).toBe(1);
    expect(sumOf(await meter.page(), 'tacet_jobs_due')).toBe(2);
  });

  test('whose collector fails are left out, say so, and take nothing else with them', async () => {
    const meter = new PromMeter();
    let isBroken = false;
    const collect = async () => {
      if (isBroken) throw new Error('no answer');
      return [due];
    };
    meter.collectBy([
      { name: 'backlog', collect },
      { name: 'vault', collect: async () => [openKeys] },
    ]);
    await meter.page();
    isBroken = true;
    const page = await meter.page();
    expect(sumOf(page, 'tacet_jobs_due'), 'an old value says nothing').toBeUndefined();
    expect(sumOf(page, 'tacet_root_keys', { state: 'open' })).toBe(2);
    expect(sumOf(page, 'tacet_collect_failures_total', { collector: 'backlog' })).toBe(1);
    isBroken = false;
    expect(sumOf(await meter.page(), 'tacet_jobs_due')).toBe(3);
  });

  test('whose collector hangs are left out, and it is not begun once more', async () => {
    const meter = new PromMeter({ collectMsMax: 5 });
    let begun = 0;
    const { promise, resolve } = hanging();
    const collect = async () => {
      begun += 1;
      return await promise;
    };
    meter.collectBy([{ name: 'vault', collect }]);
    for (const failures of [1, 2]) {
      const page = await meter.page();
      expect(sumOf(page, 'tacet_root_keys')).toBeUndefined();
      expect(sumOf(page, 'tacet_collect_failures_total', { collector: 'vault' })).toBe(failures);
    }
    expect(begun).toBe(1);
    resolve([openKeys]);
    await promise;
    expect(sumOf(await meter.page(), 'tacet_root_keys')).toBe(2);
  });

  test('are looked up once for all who ask at the same time', async () => {
    const meter = new PromMeter();
    let begun = 0;
    const collect = async () => {
      begun += 1;
      return [due];
    };
    meter.collectBy([{ name: 'backlog', collect }]);
    await Promise.all([meter.page(), meter.page(), meter.page()]);
    expect(begun).toBe(1);
  });
});

function hanging() {
  let resolve: (readings: Reading[]) => void = () => undefined;
  const promise = new Promise<Reading[]>((come) => {
    resolve = come;
  });
  return { promise, resolve };
}
