import { rename } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Scene, startScene } from '../support/scene.ts';

/** Opened keys are forgotten after this long. */
const cacheMs = 61_000;

let scene: Scene;
let url: string;
let token: string;

beforeEach(async () => {
  scene = await startScene();
  token = await scene.app.token();
  const address = scene.app.http.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  url = `http://127.0.0.1:${address.port}`;
});

afterEach(async () => await scene.end());

async function ask(path: string, body?: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
  return await fetch(`${url}${path}`, body ? { method: 'POST', headers, body } : { headers });
}

test('while the vault is gone every surface says 503 and when to come back, each in its own words, and then goes on', async () => {
  const callId = await scene.archived('kept', '+15125550100');
  const [keys = ''] = scene.app.config.keysDirs;
  await rename(keys, `${keys}-gone`);
  scene.lapse(cacheMs);
  const native = await ask(`/v1/calls/${callId}/recording`);
  expect(native.status).toBe(503);
  expect(native.headers.get('content-type')).toBe('application/problem+json');
  expect(Number(native.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await native.json()).toMatchObject({ code: 'vault_unreachable', status: 503 });

  const sessions = JSON.stringify({ callSessionIds: ['kept'] });
  const creovai = await ask('/callCapture/v1/status', sessions);
  expect(creovai.status).toBe(503);
  expect(Number(creovai.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await creovai.json()).toEqual({ message: 'The vault cannot be reached' });
  expect((await scene.client.archive('late', '+15125550101', scene.audio)).status).toBe(503);

  for (const path of ['/Token', '/v1/token']) {
    const { clientId: client_id, clientSecret: client_secret } = scene.app.client;
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret });
    const oauth = await fetch(`${url}${path}`, { method: 'POST', body: form });
    expect(oauth.status, path).toBe(503);
    expect(Number(oauth.headers.get('retry-after')), path).toBeGreaterThan(0);
    expect(await oauth.json(), path).toMatchObject({ error: 'temporarily_unavailable' });
  }

  await rename(`${keys}-gone`, keys);
  await scene.expectPlays(callId);
  expect(await scene.client.status('kept')).toBe('Complete');
  await scene.archived('late', '+15125550101');
});
