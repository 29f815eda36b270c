import { afterEach, beforeEach, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});

afterEach(async () => await scene.end());

test('an erasure whose job comes to its end before its items do is tried again, never left behind', async () => {
  const { engine } = scene.app;
  await scene.archived('late', '+15125551234');
  const setBack = scene.faults.next('erase:sealed', async () => {
    const [erasure] = await engine.store.reads.erasures.open(1);
    const id = erasure?.id ?? '';
    await engine.store.write(async (tx) => {
      await tx.erasures.moveItems(id, [0], 'removed', 'failed', {});
      await tx.erasures.moveItems(id, [0], 'failed', 'shredded', {});
    });
  });
  await scene.client.purge('/sessions', { ids: ['late'] });
  await setBack;
  await untilQuiet(engine);
  expect(await scene.client.status('late')).toBe('NotFound');
  const [erasure] = await engine.store.reads.erasures.page('', 9);
  expect(erasure?.state).toBe('completed');
});

test('a hold takes ids of ours alone: nothing else that a client writes gets into rows or journal', async () => {
  const { engine, caller } = scene.app;
  const hold = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a lawsuit' };
  const callIds = ['+15125551234'];
  await expect(placeHold(engine, caller(), { ...hold, callIds })).rejects.toMatchObject({ code: 'input_invalid' });
  expect(await engine.store.reads.holds.active(scene.app.tenant.id)).toEqual([]);
});
