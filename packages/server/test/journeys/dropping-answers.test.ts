/** How long answers to requests with an Idempotency-Key are kept, and how fast they go. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dropOldAnswers } from '../../src/engine/answers/drop-old-answers.ts';
import { newId } from '../../src/lib/ids.ts';
import { startApp, type TestApp } from '../support/harness.ts';

const dayMs = 24 * 3_600_000;
const now = 1_800_000_000_000;

let app: TestApp;
beforeEach(async () => {
  app = await startApp({ clock: { now: () => now }, workers: 0 });
});
afterEach(async () => await app.close());

/** Keeps answers of this time; returns what finds one of them. */
async function keep(count: number, createdAt: number): Promise<Buffer> {
  const of = { tenantId: app.tenant.id, status: 201, sealed: null, print: null, createdAt };
  const keys = Array.from({ length: count }, () => randomBytes(16));
  await app.engine.store.write(async (tx) => {
    for (const key of keys) await tx.answers.insert({ ...of, key, subjectId: newId(createdAt) });
  });
  return keys[0] ?? Buffer.alloc(0);
}

test('all that are older than a day, or of a clock that was ahead by more, go in one round, and no other', async () => {
  await keep(2500, now - dayMs - 1);
  await keep(1500, now + dayMs + 1);
  const kept = [await keep(1, now - dayMs), await keep(1, now), await keep(1, now + dayMs)];
  expect(await dropOldAnswers(app.engine)).toBe(4000);
  expect(await dropOldAnswers(app.engine)).toBe(0);
  for (const key of kept) expect(await app.engine.store.reads.answers.find(app.tenant.id, key)).toBeDefined();
});
