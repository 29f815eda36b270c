import { afterEach, beforeEach, expect, test } from 'vitest';
import { recentTally } from '../../src/engine/plans/recent-tally.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';

let app: TestApp;
beforeEach(async () => {
  app = await startApp({ workers: 0 });
});
afterEach(async () => await app.close());

test("whoever asks while items are counted shares the count, and a count that failed is nobody else's", async () => {
  const client = new PlanClient(app, await app.token());
  const { body: plan } = await client.plan({ calls: [await client.archive(), await client.archive()] });
  const { store } = app.engine;
  let [counted, isBroken] = [0, true];
  const tally: typeof store.reads.erasures.tally = async (id) => {
    counted += 1;
    if (isBroken) throw new Error('the disk has gone');
    return await store.reads.erasures.tally(id);
  };
  const erasures = Object.create(store.reads.erasures, { tally: { value: tally } });
  const reads = Object.create(store.reads, { erasures: { value: erasures } });
  const engine = Object.create(app.engine, { store: { value: Object.create(store, { reads: { value: reads } }) } });
  await expect(recentTally(engine, plan.id)).rejects.toThrow('the disk has gone');
  isBroken = false;
  const all = await Promise.all(Array.from({ length: 5 }, async () => await recentTally(engine, plan.id)));
  expect(all.map(({ items, planned }) => [items, planned])).toEqual(Array.from({ length: 5 }, () => [2, 2]));
  expect(counted).toBe(2);
});
