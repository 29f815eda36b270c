import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { purge } from '../../src/engine/erasure/purge.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let client: PlanClient;
let customers = 0;

beforeAll(async () => {
  app = await startApp();
  client = new PlanClient(app, await app.token());
});
afterAll(async () => {
  await untilQuiet(app.engine);
  expect((await fsck(app.engine, { deep: true })).problems).toEqual([]);
  await app.close();
});

/** What happens to each call of a customer between plan and execution, and how many more come. */
const fates = fc.record({
  planned: fc.array(
    fc.constantFrom('stays', 'erased', 'held', 'changed', 'erased and held', 'freed', 'freed and held'),
    {
      minLength: 1,
      maxLength: 5,
    },
  ),
  late: fc.integer({ min: 0, max: 3 }),
  strangers: fc.integer({ min: 0, max: 2 }),
});

test('whatever happens between plan and execution is told, and nothing outside the plan is erased', {
  timeout: 180_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fates, async ({ planned, late, strangers }) => {
      customers += 1;
      const phone = `+1512555${1000 + customers}`;
      const archive = async (count: number, by: string) => {
        const ids: string[] = [];
        for (let made = 0; made < count; made += 1) ids.push(await client.archive({ phone: by }));
        return ids;
      };
      const others = await archive(strangers, `+1512556${1000 + customers}`);
      const calls = await archive(planned.length, phone);
      const isOf = (fate: string) => calls.filter((_, i) => planned[i]?.includes(fate));
      const [erased, held, freed] = [isOf('erased'), isOf('held'), isOf('freed')];
      const place = async (callIds: string[]) => {
        const asked = { callIds, identifiers: [], from: null, to: null, reviewAt: null, reason: 'a case' };
        return callIds.length === 0 ? undefined : await placeHold(app.engine, app.caller(), asked);
      };
      const before = await place(freed);
      const { body: plan } = await client.plan({ phones: [phone] });
      expect(plan.counts.held).toBe(freed.length);
      if (before !== undefined) await releaseHold(app.engine, app.caller(), before.id);
      for (const id of isOf('changed')) {
        const { status } = await client.send('PUT', `/v1/calls/${id}/recording`, 'sound', {
          'content-type': 'audio/wav',
        });
        expect(status).toBe(201);
      }
      if (erased.length > 0) {
        await purge(app.engine, app.caller(), { by: 'calls', ids: erased }, { whatIf: false, waitMs: 10_000 });
      }
      const hold = await place(held);
      const came = await archive(late, phone);

      const { status, body } = await client.execute(plan, { wait: 0 });
      expect(status).toBe(202);
      // What was purged has no row that a hold could still cover: it is gone, and nothing else.
      const holdable = held.filter((id) => !erased.includes(id));
      expect(body.drift).toEqual({
        added: late,
        gone: erased.length,
        held: body.drift.held,
        released: freed.filter((id) => !held.includes(id)).length,
        changed: isOf('changed').length,
      });
      const newly = (ids: string[]) => ids.filter((id) => !freed.includes(id)).length;
      expect(body.drift.held).toBeGreaterThanOrEqual(newly(holdable));
      expect(body.drift.held).toBeLessThanOrEqual(newly(held));
      const there = async () => {
        const rows = await app.engine.store.reads.calls.findMany(app.tenant.id, [...calls, ...came, ...others]);
        return rows.map(({ id }) => id).sort();
      };
      await until(async () => (await client.get(`/v1/erasures/${plan.id}`)).body.progress.planned === 0);
      expect(await there()).toEqual([...holdable, ...came, ...others].sort());
      if (hold !== undefined) await releaseHold(app.engine, app.caller(), hold.id);
      await until(async () => (await client.get(`/v1/erasures/${plan.id}`)).body.state === 'completed');
      expect(await there()).toEqual([...came, ...others].sort());
    }),
    { numRuns: 20 },
  );
});
