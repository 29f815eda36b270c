/** Those who watch an erasure and go, or lose the right to look: nothing of them is left in the process. */
import { createHook } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { changeScopes, createClient, disableClient } from '../../src/engine/access/clients.ts';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { operator } from '../../src/engine/access/operator.ts';
import type { Scope } from '../../src/model/tenant.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import { until } from '../support/until.ts';

const watchers = 50;
/** What one client may have open at a time. */
const streamsEach = 20;
/** Timers that come and go with what else the process does, such as its worker: fewer than a watcher in two would leave. */
const othersMax = watchers / 2;
/** How often the server looks whether a token is still good. */
const tokenLookMs = 30_000;

let app: TestApp;
let url: string;
/** Of a plan, which nothing happens to while it is watched. */
let path: string;

beforeEach(async () => {
  app = await startApp();
  url = await app.listen();
  const client = new PlanClient(app, await app.token());
  const { body } = await client.plan({ calls: [await client.archive()] });
  path = `/v1/erasures/${body.id}/events`;
});
afterEach(async () => {
  vi.useRealTimers();
  await app.close();
});

/** A client of its own that may look. */
async function someone(allowed: Scope[] = ['erasures:preview']): Promise<{ clientId: string; token: string }> {
  const { clientId, clientSecret } = await createClient(app.engine, app.tenant, { scopes: allowed, actor: operator });
  const { token } = await issueToken(app.engine, { clientId, secret: clientSecret, address: '127.0.0.1' });
  return { clientId, token };
}

/** On a connection of its own, which nothing but the test ends. */
async function watch(token: string) {
  const asked = request(`${url}${path}`, { agent: false, headers: { authorization: `Bearer ${token}` } });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve).on('error', reject).end();
  });
  expect(answer.statusCode).toBe(200);
  const told = await new Promise((resolve) => answer.once('data', resolve));
  expect(String(told)).toContain('event: progress');
  return {
    drop: () => asked.destroy(),
    /** Resolves when the server has ended the stream. */
    ended: new Promise<void>((resolve) => {
      answer.once('close', resolve).once('error', () => undefined);
    }),
  };
}

/** Counts the timers of this process that are set, those too that keep it from nothing. */
function timersAlive(): { count: () => number; stop: () => void } {
  const alive = new Set<number>();
  const hook = createHook({
    init(id, type) {
      if (type === 'Timeout') alive.add(id);
    },
    destroy(id) {
      alive.delete(id);
    },
  }).enable();
  return { count: () => alive.size, stop: () => hook.disable() };
}

/** Listeners of the process, and of the signal that ends it. */
function listeners(): number {
  const ofProcess = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return ofProcess + getEventListeners(app.engine.stopping, 'abort').length;
}

async function connections(): Promise<number> {
  return await new Promise((resolve, reject) => {
    app.http.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

describe('of watchers whose clients drop the connection', () => {
  test('no timer, no listener and no connection is left', async () => {
    const people = await Promise.all(
      Array.from({ length: Math.ceil(watchers / streamsEach) }, async () => await someone()),
    );
    const [before, timers] = [listeners(), timersAlive()];
    try {
      const tokens = people.flatMap(({ token }) => Array.from({ length: streamsEach }, () => token));
      const watching = await Promise.all(tokens.slice(0, watchers).map(watch));
      expect(timers.count(), 'each is looked for').toBeGreaterThan(watchers);
      expect(await connections()).toBeGreaterThanOrEqual(watchers);
      for (const { drop } of watching) drop();
      await until(async () => (await connections()) === 0);
      await until(async () => timers.count() < othersMax);
      expect(listeners()).toBe(before);
      expect(app.logged.filter((line) => /error|failed/.test(line))).toEqual([]);
    } finally {
      timers.stop();
    }
  });

  test('none is left of those either who go before they are told anything', async () => {
    const { token } = await someone();
    const [before, timers] = [listeners(), timersAlive()];
    try {
      const leaving = Array.from({ length: watchers }, async (_, i) => {
        const headers = { authorization: `Bearer ${token}` };
        const asked = request(`${url}${path}`, { agent: false, headers }).on('error', () => undefined);
        asked.end();
        // Each a little later than the one before: some before the request is read, some when it is about to be answered.
        for (let turn = 0; turn < i; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        asked.destroy();
      });
      await Promise.all(leaving);
      await until(async () => (await connections()) === 0);
      await until(async () => timers.count() < othersMax);
      expect(listeners()).toBe(before);
    } finally {
      timers.stop();
    }
  });
});

describe('a watcher', () => {
  test.each([
    ['whose client is disabled', async (id: string) => await disableClient(app.engine, app.tenant, id, operator)],
    [
      'whose client has lost the scope',
      async (id: string) => await changeScopes(app.engine, app.tenant, id, operator, { scopes: ['calls:read'] }),
    ],
  ])('%s is ended at the next look, and others go on', async (_whose, lose) => {
    const [loser, other] = [await someone(), await someone()];
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const [lost, kept] = [await watch(loser.token), await watch(other.token)];
    await lose(loser.clientId);
    let isKeptOver = false;
    void kept.ended.finally(() => {
      isKeptOver = true;
    });
    await vi.advanceTimersByTimeAsync(tokenLookMs);
    await lost.ended;
    expect(isKeptOver).toBe(false);
    await disableClient(app.engine, app.tenant, other.clientId, operator);
    await vi.advanceTimersByTimeAsync(tokenLookMs);
    await kept.ended;
  });

  test('whose token stays good is ended by none of the looks', async () => {
    const { token } = await someone(['erasures:execute']);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const watching = await watch(token);
    let isOver = false;
    void watching.ended.finally(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(3 * tokenLookMs);
    expect(isOver).toBe(false);
    watching.drop();
  });
});
