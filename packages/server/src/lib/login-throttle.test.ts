import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atOnce, hour, second, setUp } from '../../test/support/login-scene.ts';
import type { AttemptOutcome } from './login-throttle.ts';

describe('a pair of client id and address', () => {
  test('pauses 0, 0, 0, 1, 2, 4 s and so on up to 60 s, to the millisecond', async () => {
    const { attempt, advance } = setUp();
    const pauses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const waitMs = await attempt('a', '192.0.2.1');
      pauses.push(waitMs / second);
      if (waitMs === 0) continue;
      advance(waitMs - 1);
      expect(await attempt('a', '192.0.2.1')).toBe(1);
      advance(1);
      expect(await attempt('a', '192.0.2.1')).toBe(0);
    }
    expect(pauses).toEqual([0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('is not punished for asking during the pause', async () => {
    const { attempt, advance } = setUp();
    for (let i = 0; i < 3; i++) await attempt('a', '192.0.2.1');
    for (let i = 0; i < 10; i++) {
      expect(await attempt('a', '192.0.2.1')).toBe(second - 100 * i);
      advance(100);
    }
    expect(await attempt('a', '192.0.2.1')).toBe(0);
  });

  test('is cleared by a success', async () => {
    const { attempt, advance } = setUp();
    for (let i = 0; i < 3; i++) await attempt('a', '192.0.2.1');
    advance(second);
    expect(await attempt('a', '192.0.2.1', 'success')).toBe(0);
    for (let i = 0; i < 3; i++) expect(await attempt('a', '192.0.2.1')).toBe(0);
    expect(await attempt('a', '192.0.2.1')).toBe(second);
  });

  test('is cleared by an hour without a failure, and not earlier', async () => {
    for (const [idleMs, next] of [
      [hour - 1, 2 * second],
      [hour, 0],
    ] as const) {
      const { attempt, advance } = setUp();
      for (let i = 0; i < 3; i++) await attempt('a', '192.0.2.1');
      advance(idleMs);
      await attempt('a', '192.0.2.1');
      expect(await attempt('a', '192.0.2.1')).toBe(next);
    }
  });

  test('is not charged for an attempt that was abandoned', async () => {
    const { attempt } = setUp();
    for (let i = 0; i < 100; i++) expect(await attempt('a', '192.0.2.1', 'abandoned')).toBe(0);
  });

  test('is charged once, however often the attempt is released', async () => {
    const { throttle, attempt } = setUp();
    const admission = await throttle.admit('a', '192.0.2.1');
    if (admission.kind === 'wait') throw new Error('a fresh pair waits');
    for (let i = 0; i < 5; i++) admission.release('failure');
    expect([await attempt('a', '192.0.2.1'), await attempt('a', '192.0.2.1')]).toEqual([0, 0]);
    admission.release('success');
    expect(await attempt('a', '192.0.2.1')).toBe(second);
  });

  test('makes 67 guesses in the first hour and 60 in the next, at the best of efforts', async () => {
    const { guessFor } = setUp();
    expect(await guessFor(hour, '192.0.2.1', () => 'a')).toBe(67);
    expect(await guessFor(hour, '192.0.2.1', () => 'a')).toBe(60);
  });

  test('makes no more than 67 guesses in an hour whatever its rhythm and bursts', async () => {
    const step = fc.record({ burst: fc.integer({ min: 1, max: 6 }), thenMs: fc.integer({ min: 0, max: 90_000 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 200 }), async (steps) => {
        const { throttle, advance } = setUp();
        let guesses = 0;
        let left = hour;
        for (const { burst, thenMs } of steps) {
          const asked = Array.from({ length: burst }, () => throttle.admit('a', '192.0.2.1'));
          for (const admission of asked) {
            const answer = await admission;
            if (answer.kind === 'wait') continue;
            guesses++;
            answer.release('failure');
          }
          left -= thenMs;
          if (left < 0) break;
          advance(thenMs);
        }
        expect(guesses).toBeLessThanOrEqual(67);
      }),
    );
  });
});

describe('an address', () => {
  test('makes 389 guesses in an hour on as many client ids as it likes', async () => {
    const { guessFor } = setUp();
    expect(await guessFor(hour, '192.0.2.1', (guess) => `client ${guess}`)).toBe(389);
  });

  test('cannot buy guesses with a success of its own client', async () => {
    const { attempt } = setUp();
    for (let i = 0; i < 30; i++) {
      expect(await attempt(`client ${i}`, '192.0.2.1')).toBe(0);
      if (i < 29) expect(await attempt('own', '192.0.2.1', 'success')).toBe(0);
    }
    expect(await attempt('client 31', '192.0.2.1')).toBe(10 * second);
  });

  test('saves up no more than thirty failures in a quiet time', async () => {
    const { attempt, advance } = setUp();
    await attempt('first', '192.0.2.1');
    advance(299 * second);
    for (let i = 0; i < 30; i++) expect(await attempt(`client ${i}`, '192.0.2.1')).toBe(0);
    expect(await attempt('one more', '192.0.2.1')).toBe(10 * second);
  });

  test('has its thirty failures back after five quiet minutes', async () => {
    const { attempt, advance } = setUp();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 30; i++) expect(await attempt(`client ${round} ${i}`, '192.0.2.1')).toBe(0);
      expect(await attempt('one more', '192.0.2.1')).toBe(10 * second);
      advance(300 * second);
    }
  });

  test.each([
    ['2001:db8:1:2::1', '2001:0DB8:0001:0002:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:db8:1:2::192.0.2.1'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
    ['fe80::1', 'fe80::2%zone:of:many:parts:1:2:3:4'],
    ['::1', '::2'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['192.0.2.1', '::FFFF:c000:201'],
    ['192.0.2.1', '0:0:0:0:0:ffff:c000:0201'],
  ])('%s is the same customer as %s', async (one, other) => {
    const { attempt } = setUp();
    for (let i = 0; i < 3; i++) await attempt('a', one);
    expect(await attempt('a', other)).toBe(second);
  });

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8::1', '2001:db8:0:1::1'],
    ['192.0.2.1', '192.0.2.2'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['::ffff:0:192.0.2.1', '192.0.2.1'],
    ['::', ''],
    ['unix socket', '192.0.2.1'],
  ])('%s is another customer than %s', async (one, other) => {
    const { attempt } = setUp();
    for (let i = 0; i < 3; i++) await attempt('a', one);
    expect(await attempt('a', other)).toBe(0);
  });
});

describe('a client id under attack from many addresses', () => {
  async function attacked() {
    const scene = setUp();
    await scene.attempt('a', '198.51.100.1');
    for (let i = 0; i < 60; i++) expect(await scene.attempt('a', `192.0.2.${i}`)).toBe(0);
    return scene;
  }

  test('gives one guess to each address, and the next one a minute later', async () => {
    const { attempt, advance } = await attacked();
    for (let i = 0; i < 60; i++) expect(await attempt('a', `192.0.2.${i}`)).toBe(60 * second);
    advance(60 * second);
    for (let i = 0; i < 60; i++) {
      expect(await attempt('a', `192.0.2.${i}`)).toBe(0);
      expect(await attempt('a', `192.0.2.${i}`)).toBe(60 * second);
    }
  });

  test('makes somebody who mistyped wait a minute, and nobody else', async () => {
    const { attempt, advance } = await attacked();
    expect(await attempt('a', '203.0.113.1', 'success')).toBe(0);
    expect(await attempt('b', '192.0.2.1')).toBe(0);
    expect(await attempt('a', '198.51.100.1')).toBe(60 * second);
    advance(60 * second);
    expect(await attempt('a', '198.51.100.1', 'success')).toBe(0);
  });

  test('is as any other again minutes after the last failure, however long the attack was', async () => {
    const { attempt, advance } = await attacked();
    for (let i = 0; i < 1_000; i++) await attempt('a', `2001:db8:0:${i.toString(16)}::1`);
    advance(310 * second);
    await attempt('a', '203.0.113.9');
    expect(await attempt('a', '203.0.113.9')).toBe(0);
  });
});

describe('the right client', () => {
  const client = fc.constantFrom('right', 'other', 'third');
  const attackerStep = fc.record({
    clientId: client,
    address: fc.integer({ min: 0, max: 40 }).map((host) => `192.0.2.${host}`),
    end: fc.constantFrom<AttemptOutcome | 'never'>('failure', 'failure', 'failure', 'success', 'abandoned', 'never'),
    thenMs: fc.constantFrom(0, 0, 0, 1, 500, 10_000, 61_000, -5_000),
  });

  test('is admitted at once from a fresh address, whatever others do and have in flight', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(attackerStep, { maxLength: 300 }),
        fc.integer({ min: 1, max: 50 }),
        async (steps, entriesMax) => {
          const { throttle, advance, attempt } = setUp({ entriesMax });
          for (const [i, { clientId, address, end, thenMs }] of steps.entries()) {
            const admission = await atOnce(throttle.admit(clientId, address));
            if (admission !== 'in line' && admission.kind === 'go' && end !== 'never') admission.release(end);
            advance(thenMs);
            expect(await attempt('right', `2001:db8:0:${i.toString(16)}::1`, 'success')).toBe(0);
            expect(await attempt('right', '203.0.113.1', 'success')).toBe(0);
          }
        },
      ),
    );
  });

  test('may mistype twice at its own address during any attack and is in again within a minute', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(attackerStep, { maxLength: 200 }), async (steps) => {
        const { attempt, advance } = setUp();
        for (const { clientId, address } of steps) await attempt(clientId, address);
        for (let mistyped = 0; mistyped < 2; mistyped++) {
          const waitMs = await attempt('right', '203.0.113.1');
          expect(waitMs).toBeLessThanOrEqual(60 * second);
          advance(waitMs);
          if (waitMs > 0) await attempt('right', '203.0.113.1');
        }
        advance(60 * second);
        expect(await attempt('right', '203.0.113.1', 'success')).toBe(0);
      }),
    );
  });
});

test('a clock that is set back by a day makes no pause longer', async () => {
  const { attempt, advance } = setUp();
  for (let i = 0; i < 3; i++) await attempt('a', '192.0.2.1');
  advance(-24 * hour);
  expect(await attempt('a', '192.0.2.1')).toBe(second);
  advance(second);
  expect(await attempt('a', '192.0.2.1')).toBe(0);
});
