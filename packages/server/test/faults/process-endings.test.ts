import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { PurgeHome } from './purge-home.ts';

const calls = 20;
const endMsMax = 15_000;
const caseMsMax = 60_000;

const home = new PurgeHome({ calls });

beforeAll(async () => await home.build());

afterAll(async () => await home.remove());

/** Sends SIGTERM and expects an orderly end within its time. Tells how long it took, in ms. */
async function expectEnds(server: TacetProcess, times = 1): Promise<number> {
  const told = performance.now();
  for (let sent = 0; sent < times; sent += 1) {
    server.child.kill('SIGTERM');
    // The system makes one signal of two that wait.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await server.ended, server.errors()).toMatchObject({ code: 0, signal: null });
  const tookMs = performance.now() - told;
  expect(tookMs).toBeLessThan(endMsMax);
  expect(server.errors()).not.toMatch(/"level":"error"/);
  return tookMs;
}

describe('a server that gets SIGTERM', { timeout: caseMsMax }, () => {
  test.each([1, 3])(
    '%i times while an upload is under way ends in order, and of the upload nothing stays',
    async (times) => {
      const copy = await home.copy();
      const server = copy.start(['serve']);
      const client = await copy.client(server);
      const slow = client.slowUpload('slow', '+15125550001');
      const answer = slow.answer.catch(() => 'cut');
      slow.upload.write(randomBytes(200_000));
      await until(async () => (await client.status('slow')) === 'InProgress');
      await expectEnds(server, times);
      expect(await answer).not.toBe(200);
      await copy.expectAtRest();
    },
  );

  test('while an upload is coming in lets it come to its end: the call is archived, and plays', async () => {
    const copy = await home.copy();
    const server = copy.start(['serve']);
    const client = await copy.client(server);
    const slow = client.slowUpload('slow', '+15125550001');
    slow.upload.write(randomBytes(200_000));
    await until(async () => (await client.status('slow')) === 'InProgress');
    const ending = expectEnds(server);
    slow.end();
    expect(await slow.answer).toBe(200);
    await ending;
    const next = copy.start(['serve']);
    expect(await (await copy.client(next)).status('slow')).toBe('Complete');
    await expectEnds(next);
    await copy.expectAtRest();
  });

  test('while a download is running cuts it after a while and ends in order', async () => {
    const copy = await home.copy();
    const server = copy.start(['serve']);
    const client = await copy.client(server);
    const { callId = '' } = await client.archive('long', '+15125550002', Buffer.alloc(64 * 1024 * 1024, 7));
    const reader = (await client.recording(callId)).body?.getReader();
    await reader?.read();
    await expectEnds(server);
    const rest = async () => {
      for (let next = await reader?.read(); next && !next.done; next = await reader?.read());
    };
    await expect(rest()).rejects.toThrow();
    await copy.expectAtRest();
  });

  test('with idle connections and nothing to do ends at once', async () => {
    const copy = await home.copy();
    const server = copy.start(['serve']);
    await (await copy.client(server)).status('purged 1');
    expect(await expectEnds(server)).toBeLessThan(4000);
    await copy.expectAtRest();
  });
});

describe('two servers on one home', { timeout: caseMsMax }, () => {
  test('started at once, with `keys seal` and `fsck` beside them, serve the same archive and erase each call once', async () => {
    const copy = await home.copy();
    const servers = [copy.start(['serve']), copy.start(['serve'])] as const;
    const clients = [await copy.client(servers[0]), await copy.client(servers[1])] as const;
    const audio = randomBytes(50_000);
    const answers = await Promise.all(clients.map((client) => client.archive('shared', '+15125550003', audio)));
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    const { callId = '' } = await clients[1].archive('shared', '+15125550003', audio);
    expect(Buffer.from(await (await clients[0].recording(callId)).arrayBuffer()).equals(audio)).toBe(true);
    const beside = [copy.start(['keys', 'seal', '--json']), copy.start(['fsck', '--json'])];
    const purges = await Promise.all(servers.map((server) => copy.purge(server)));
    // Whichever came second names what the first has begun, or finds nothing any more.
    expect(purges).toContain(calls);
    for (const one of beside) expect(await one.ended, one.errors()).toMatchObject({ code: 0 });
    await copy.untilItems((items) => items.verified === items.items);
    const fsck = copy.start(['fsck', '--json']);
    expect(await fsck.ended, fsck.errors()).toMatchObject({ code: 0 });
    expect(await clients[1].status('shared')).toBe('Complete');
    await Promise.all(servers.map((server) => expectEnds(server)));
    await copy.expectAtRest();
  });

  test('started at once on a home that is not there yet make one archive of it', async () => {
    const copy = await home.empty();
    const servers = [copy.start(['serve']), copy.start(['serve'])];
    for (const server of servers) {
      const ready = await fetch(`${await server.listening}/readyz`);
      expect(ready.status).toBe(200);
    }
    await Promise.all(servers.map((server) => expectEnds(server)));
    await copy.expectAtRest();
  });

  test('of which one is told to end in the middle of a purge by the other go on without a fault', async () => {
    const copy = await home.copy();
    const [ending, purging] = [copy.start(['serve']), copy.start(['serve'])];
    await ending.listening;
    const answer = copy.purge(purging);
    await copy.untilItems((items) => items.items === calls);
    await expectEnds(ending);
    expect(await answer).toBe(calls);
    await copy.expectFinishedBy(purging);
  });
});
