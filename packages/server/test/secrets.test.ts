import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Scene, startScene } from './support/scene.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});

afterEach(async () => await scene.end());

test('a secret in use stays whole when the process forgets it', async () => {
  const { secrets } = scene.app.engine;
  const key = await secrets.open(scene.app.tenant.id, 'index-key');
  const before = Buffer.from(key);
  scene.lapse(61_000);
  secrets.dropOld();
  expect(key).toEqual(before);
  expect(await secrets.open(scene.app.tenant.id, 'index-key')).toEqual(before);
});
