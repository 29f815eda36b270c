import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authenticate } from '../../src/engine/access/authenticate.ts';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { idTime, isId, newId } from '../../src/lib/ids.ts';
import { dayMs, minuteMs, startTimed, type TimedArchive } from './timed-archive.ts';

const jumps = [
  ['forward by a minute', minuteMs],
  ['forward by a day', dayMs],
  ['back by a minute', -minuteMs],
  ['back by a day', -dayMs],
] as const;

let timed: TimedArchive;

beforeEach(async () => {
  timed = await startTimed();
});

afterEach(async () => await timed.endAtRest());

async function knock(secret: string): Promise<string> {
  const { clientId } = timed.app.client;
  return (await issueToken(timed.app.engine, { clientId, secret, address: '127.0.0.1' })).token;
}

const isTaken = async (token: string) =>
  await authenticate(timed.app.engine, `Bearer ${token}`).then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );

describe('a token issued before the clock was set', () => {
  test.each([
    ['forward by a minute', minuteMs, 'taken'],
    ['forward by a day', dayMs, 'token_invalid'],
    ['back by half a minute', -minuteMs / 2, 'taken'],
    ['back by a day', -dayMs, 'token_invalid'],
  ])('%s (%i ms) is good by the clock alone: %s', async (_how, jumpMs, outcome) => {
    const token = await knock(timed.app.client.clientSecret);
    timed.lapse(jumpMs);
    expect(await isTaken(token)).toBe(outcome);
    expect(await isTaken(await knock(timed.app.client.clientSecret))).toBe('taken');
  });
});

describe.each(jumps)('a clock set %s', (_how, jumpMs) => {
  test('locks no client out, and makes nobody wait longer than the longest pause', async () => {
    for (let failures = 0; failures < 4; failures += 1) {
      await expect(knock('not the secret')).rejects.toMatchObject({ code: /credentials_invalid|slow_down/ });
    }
    timed.lapse(jumpMs);
    const refusal = await knock(timed.app.client.clientSecret).catch((error: { retryAfterMs?: number }) => error);
    if (typeof refusal !== 'string') {
      expect(refusal.retryAfterMs).toBeLessThanOrEqual(minuteMs);
      timed.lapse(minuteMs);
    }
    expect(await isTaken(await knock(timed.app.client.clientSecret))).toBe('taken');
  });
});

test('ids of one clock that jumps to and fro are never alike, and sort by the time that it showed', () => {
  const times = [0, minuteMs, -minuteMs, dayMs, -dayMs].map((jumpMs) => timed.app.engine.clock.now() + jumpMs);
  const ids = times.flatMap((now) => Array.from({ length: 2000 }, () => newId(now)));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every(isId)).toBe(true);
  const sorted = [...ids].sort().map(idTime);
  expect(sorted).toEqual([...sorted].sort((a, b) => a - b));
});
