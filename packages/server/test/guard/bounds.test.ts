import { afterEach, expect, test } from 'vitest';
import { needsApproval } from '../../src/engine/guard/needs-approval.ts';
import type { GuardBounds } from '../../src/model/tenant.ts';
import { addRows, type GuardScene, startGuardScene } from './scene.ts';

let scene: GuardScene;
afterEach(async () => {
  await scene.app.close();
});

async function isGuarded(calls: number): Promise<boolean> {
  const { engine, tenant } = scene.app;
  return await needsApproval(engine, engine.store.reads, tenant.id, calls);
}

async function setGuard(bounds: Partial<GuardBounds>): Promise<void> {
  const { engine, tenant } = scene.app;
  await engine.store.write(async (tx) => await tx.tenants.setGuard(tenant.id, bounds));
}

test('above 10,000 calls an approval is needed, however few there are; a bound of 0 is none, and 1 is above 1', async () => {
  scene = await startGuardScene({});
  expect(await isGuarded(10_000)).toBe(false);
  expect(await isGuarded(10_001)).toBe(true);
  await setGuard({ calls: 0 });
  expect(await isGuarded(1_000_000)).toBe(false);
  await setGuard({ calls: 1 });
  expect([await isGuarded(0), await isGuarded(1), await isGuarded(2)]).toEqual([false, false, true]);
  await setGuard({ calls: null });
  expect([await isGuarded(10_000), await isGuarded(10_001)]).toEqual([false, true]);
});

test('a part of the live calls counts from 1,000 of them on: exactly 5 % is free, and one more is not', async () => {
  scene = await startGuardScene({});
  await addRows(scene.app, 999);
  expect(await isGuarded(999)).toBe(false);
  await addRows(scene.app, 1);
  expect([await isGuarded(50), await isGuarded(51)]).toEqual([false, true]);
  await addRows(scene.app, 19);
  expect([await isGuarded(50), await isGuarded(51)]).toEqual([false, true]);
  await addRows(scene.app, 1);
  expect([await isGuarded(51), await isGuarded(52)]).toEqual([false, true]);
  await setGuard({ percent: 10 });
  expect([await isGuarded(102), await isGuarded(103)]).toEqual([false, true]);
  await setGuard({ percent: 0 });
  expect(await isGuarded(1020)).toBe(false);
  await setGuard({ percent: null });
  expect(await isGuarded(52)).toBe(true);
});
