import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CreovaiWire, expectJson, expectRefused } from '../support/creovai-wire.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let wire: CreovaiWire;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  await app.listen();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(app);
  app.logged.length = 0;
});
afterAll(async () => await app.close());

/** The heartbeats logged since the test began. */
function heartbeats(): unknown[] {
  return app.logged
    .map((line) => JSON.parse(line) as { event: string })
    .filter(({ event }) => event === 'creovai.monitor');
}

describe.each(['/callCapture/v1/monitor', '/capture/v2/status/monitor'])('POST %s', (route) => {
  test('answers an empty object and logs the word alone: names and versions are text of the client', async () => {
    const timeStamp = '2026-01-02T03:04:05.1234567Z';
    const net1 = { Status: 1, TimeStamp: timeStamp, Name: 'secret-host', SoftwareVersion: 'secret-1.2' };
    const net2 = { status: 'warning', timeStamp, name: 'secret-host', softwareVersion: null };
    expectJson(await wire.post(route, net1), {});
    expectJson(await wire.post(route.toUpperCase(), net2), {});
    expectJson(await wire.post(`/${route}`, { status: 30 }), {});
    const words = ['Healthy', 'Warning', 'Offline'].map((status) => ({ event: 'creovai.monitor', status }));
    expect(heartbeats()).toEqual(words);
    expect(app.logged.join('\n')).not.toContain('secret');
  });

  test('refuses a heartbeat without a status that it knows, and logs none', async () => {
    const bodies = [null, [], 'Healthy', '{"status"', {}, { status: null }, { status: 2 }, { status: 'secret' }];
    for (const body of [...bodies, { status: 'Healthy', name: 7 }, { status: 'Healthy', timeStamp: {} }]) {
      const answer = await wire.post(route, body);
      expectRefused(answer, 400, /status|must be/);
      expect(answer.body.toString()).not.toContain('secret');
    }
    expectRefused(await wire.postNothing(route), 400, /object/);
    expect(heartbeats()).toEqual([]);
  });

  test('needs the scope calls:write', async () => {
    const body = { status: 'Healthy' };
    expectRefused(await (await wire.within(['calls:read', 'admin'])).post(route, body), 403, /calls:write/);
    expectRefused(await wire.withToken('nonsense').post(route, body), 401);
    expect(heartbeats()).toEqual([]);
    expectJson(await (await wire.within(['calls:write'])).post(route, body), {});
  });
});
