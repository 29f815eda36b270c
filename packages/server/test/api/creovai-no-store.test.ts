import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endScene, type Scene, startScene } from '../support/bad-input-scene.ts';
import { ask, goodRequest } from '../support/creovai-asking.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterAll(async () => await endScene(scene));

describe.each(creovaiRoutes)('$method $pattern', (route) => {
  test('lets no cache keep its answer, good or bad', async () => {
    const good = { ...goodRequest(route, { ...scene.named, session: `cached ${route.pattern}` }) };
    const nobody = { ...good, address: good.address.replace(scene.callId, '01900000-0000-7000-8000-000000000000') };
    for (const [token, asked] of [
      [scene.token, nobody],
      ['nonsense', good],
      [await scene.app.token([]), good],
      ...(route.method === 'GET' ? ([[scene.token, good]] as const) : []),
    ] as const) {
      const answer = await ask(scene.app, route, token, asked);
      expect([answer.statusCode, answer.headers['cache-control']]).toEqual([answer.statusCode, 'no-store']);
    }
  });
});
