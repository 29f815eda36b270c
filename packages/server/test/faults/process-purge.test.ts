import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErasureTally } from '../../src/model/erasure-store.ts';
import { PurgeHome } from './purge-home.ts';

const calls = 5000;
/** What DESIGN section 6 promises of SIGTERM. */
const endMsMax = 15_000;
const caseMsMax = 120_000;

const home = new PurgeHome({ calls });

beforeAll(async () => await home.build(), 120_000);

afterAll(async () => await home.remove());

/** Moments of a purge, by how its items stand; and how many are verified at the most when the server has ended. */
const moments: [when: string, isThen: (items: ErasureTally) => boolean, verifiedMax: number][] = [
  ['just after its gate', (items) => items.items === calls, calls - 1],
  ['in the middle of the shredding', (items) => items.shredded >= calls / 3, calls - 1],
  ['while the bytes go', (items) => items.planned === 0, calls - 1],
  ['while it is verified', (items) => items.removed > calls / 2, calls],
];

describe(`SIGTERM to a server that purges ${calls} calls`, () => {
  test.each(moments)(
    '%s ends it in time with code 0, and the next worker finishes',
    { timeout: caseMsMax },
    async (_when, isThen, verifiedMax) => {
      const copy = await home.copy();
      const server = copy.start(['serve']);
      const answer = copy.purge(server);
      await copy.untilItems(isThen);
      const told = performance.now();
      server.child.kill('SIGTERM');
      expect(await server.ended, server.errors()).toMatchObject({ code: 0, signal: null });
      expect(performance.now() - told).toBeLessThan(endMsMax);
      expect([calls, 'fetch failed']).toContain(await answer);
      expect((await copy.untilItems(() => true)).verified).toBeLessThanOrEqual(verifiedMax);
      await copy.expectFinishedBy(copy.start(['work']));
    },
  );
});

describe(`SIGKILL of a server that purges ${calls} calls`, () => {
  test.each([
    ['erase:gated', 'serve'],
    ['shred:committed#4', 'work'],
    ['blob-erase:unlinked', 'serve'],
    ['remove:recorded', 'work'],
    ['verify:looked#2', 'serve'],
  ])('at %s leaves everything to the next `%s`, which finishes it', { timeout: caseMsMax }, async (point, next) => {
    const copy = await home.copy();
    const server = copy.start(['serve'], { TACET_FAULT: point });
    const answer = copy.purge(server);
    expect(await server.ended, server.errors()).toMatchObject({ signal: 'SIGKILL' });
    expect([calls, 'fetch failed']).toContain(await answer);
    await copy.expectFinishedBy(copy.start([next]));
  });
});

test('two workers left alone with a purge of a dead server end it together, each call once', {
  timeout: caseMsMax,
}, async () => {
  const copy = await home.copy();
  const workers = [copy.start(['work']), copy.start(['work'])] as const;
  for (const worker of workers) await copy.untilUp(worker);
  const server = copy.start(['serve'], { TACET_WORKERS: '0', TACET_FAULT: 'shred:committed#3' });
  const answer = copy.purge(server);
  expect(await server.ended, server.errors()).toMatchObject({ signal: 'SIGKILL' });
  expect(await answer).toBe('fetch failed');
  await copy.untilItems((items) => items.verified === calls);
  workers[0].child.kill('SIGTERM');
  expect(await workers[0].ended, workers[0].errors()).toMatchObject({ code: 0 });
  await copy.expectFinishedBy(workers[1]);
});
