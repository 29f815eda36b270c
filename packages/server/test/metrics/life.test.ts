import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectorsOf } from '../../src/engine/upkeep/readings.ts';
import { PromMeter } from '../../src/metrics/prom-meter.ts';
import { metrics } from '../../src/model/metrics.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { samplesOf, sumOf } from '../support/metrics-page.ts';

const audio = randomBytes(100_000);
const meter = new PromMeter();
let app: TestApp;
let url: string;
let page: string;

beforeAll(async () => {
  app = await startApp({ meter });
  meter.collectBy(collectorsOf(app.engine));
  url = await app.listen();
  const client = new CreovaiClient(url, await app.token());
  const ids: string[] = [];
  for (const session of ['one', 'two', 'three']) {
    const { callId = '' } = await client.archive(session, '+15125550100', audio);
    ids.push(callId);
  }
  await client.archive('one', '+15125550199', randomBytes(10));
  await (await client.recording(ids[0] ?? '')).arrayBuffer();
  await client.purge('', { ids: ids.slice(0, 2) });
  await client.purge('', { ids: ids.slice(0, 1) });
  await fetch(`${url}/v1/calls/${ids[0]}/recording`);
  await fetch(`${url}/nowhere/at/all`);
  await untilQuiet(app.engine);
  page = await meter.page();
});
afterAll(async () => await app.close());

function value(name: string, labels: Record<string, string> = {}): number {
  return sumOf(page, name, labels) ?? Number.NaN;
}

describe('a life leaves on the page', () => {
  test('its requests, by surface, route and class of status', () => {
    const requests = (labels: Record<string, string>) => value('tacet_http_requests_total', labels);
    expect(requests({ surface: 'creovai', route: '/callCapture/v1/archive', status: '2xx' })).toBe(3);
    expect(requests({ surface: 'creovai', route: '/callCapture/v1/archive', status: '4xx' })).toBe(1);
    expect(requests({ surface: 'native', method: 'GET', route: '/v1/calls/:id/recording', status: '2xx' })).toBe(1);
    expect(requests({ surface: 'native', method: 'GET', route: '/v1/calls/:id/recording', status: '4xx' })).toBe(1);
    expect(requests({ surface: 'other', route: 'unmatched', status: '4xx' })).toBe(1);
    expect(value('tacet_http_request_seconds_count', { route: '/callCapture/v1/archive' })).toBe(4);
  });

  test('its uploads, and their sealed bytes', () => {
    const uploads = (state: string) => value('tacet_uploads_total', { state });
    expect([uploads('begun'), uploads('finished'), uploads('refused'), uploads('abandoned')]).toEqual([3, 3, 1, 0]);
    expect(value('tacet_blob_bytes_total', { direction: 'written' })).toBeGreaterThan(3 * audio.length);
    expect(value('tacet_blob_bytes_total', { direction: 'read' })).toBeGreaterThanOrEqual(audio.length);
    expect(value('tacet_blobs_erased_total', { outcome: 'erased' })).toBe(2);
  });

  test('its erasures, from the first state to the last, and how long they took', () => {
    const moves = (from: string, to: string) => value('tacet_erasure_moves_total', { from, to });
    expect(moves('none', 'running')).toBe(1);
    expect(moves('running', 'completed')).toBe(1);
    const items = (outcome: string) => value('tacet_items_total', { outcome });
    expect([items('erased'), items('verified'), items('failed'), items('held')]).toEqual([2, 2, 0, 0]);
    for (const until of ['shredded', 'sealed', 'verified']) {
      expect(value('tacet_erasure_seconds_count', { until }), until).toBe(1);
    }
    const sumUntil = (until: string) => value('tacet_erasure_seconds_sum', { until });
    expect(sumUntil('shredded')).toBeLessThanOrEqual(sumUntil('verified'));
  });

  test('its keys: slots, pages, seals and root keys', () => {
    expect(value('tacet_slots_issued_total')).toBeGreaterThan(9);
    // A recording, details and correlation of each of two calls.
    expect(value('tacet_slots_destroyed_total', { reason: 'item_erased' })).toBe(6);
    expect(value('tacet_key_pages_total', { direction: 'written' })).toBeGreaterThan(0);
    expect(value('tacet_key_pages_total', { direction: 'read' })).toBeGreaterThan(0);
    expect(value('tacet_seals_total', { outcome: 'made' })).toBeGreaterThan(0);
    expect(value('tacet_seals_total', { outcome: 'failed' })).toBe(0);
    expect(value('tacet_seal_seconds_count')).toBe(value('tacet_seals_total', { outcome: 'made' }));
    expect(value('tacet_root_keys', { state: 'open' })).toBeGreaterThan(1);
    expect(value('tacet_last_seal_age_seconds')).toBeLessThan(60);
  });

  test('its jobs, and that nothing waits', () => {
    expect(value('tacet_jobs_finished_total')).toBe(1);
    const waiting = ['tacet_jobs_due', 'tacet_jobs_oldest_due_seconds', 'tacet_journal_pending', 'tacet_doomed_blobs'];
    expect(waiting.map((name) => value(name))).toEqual([0, 0, 0, 0]);
    expect(value('tacet_journal_oldest_pending_seconds')).toBe(0);
  });

  test('no failure of the store', () => {
    expect(value('tacet_store_transactions_total', { kind: 'write', outcome: 'committed' })).toBeGreaterThan(0);
    expect(value('tacet_store_transactions_total', { outcome: 'failed' })).toBe(0);
    expect(value('tacet_collect_failures_total')).toBe(0);
  });
});

describe('labels', () => {
  test('have values of their closed lists alone, routes being patterns', () => {
    const lists: Readonly<Record<string, { labels: Readonly<Record<string, readonly string[] | 'route patterns'>> }>> =
      metrics;
    const routes = new Set<string>();
    for (const { name, labels } of samplesOf(page).filter((one) => one.name.startsWith('tacet_'))) {
      const metric = lists[name] ?? lists[name.replace(/_(bucket|sum|count)$/, '')];
      expect(metric, name).toBeDefined();
      const { le: _bound, ...own } = labels;
      expect(Object.keys(own).sort(), name).toEqual(Object.keys(metric?.labels ?? {}).sort());
      for (const [label, text] of Object.entries(own)) {
        const list = metric?.labels[label];
        if (list === 'route patterns') routes.add(text);
        else expect(list, `${name} ${label}`).toContain(text);
      }
    }
    const patterns = [...routes].filter((route) => route !== 'unmatched');
    expect(patterns.filter((url) => !['GET', 'POST'].some((method) => isRoute(method, url)))).toEqual([]);
  });
});

function isRoute(method: string, url: string): boolean {
  return app.http.hasRoute({ method, url });
}
