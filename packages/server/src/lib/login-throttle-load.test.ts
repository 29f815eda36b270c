import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atOnce, second, setUp } from '../../test/support/login-scene.ts';
import type { Admission, AttemptOutcome } from './login-throttle.ts';

describe('a burst', () => {
  /** Answers as they come; each admitted attempt ends before the next answer is looked at. */
  async function run(asked: Promise<Admission>[], outcome: AttemptOutcome) {
    let admitted = 0;
    let refused = 0;
    await Promise.all(
      asked.map(async (admission) => {
        const answer = await admission;
        if (answer.kind === 'wait') refused++;
        else {
          admitted++;
          answer.release(outcome);
        }
      }),
    );
    return { admitted, refused };
  }

  test('with the right secret passes whole', async () => {
    const { throttle } = setUp();
    const asked = Array.from({ length: 1_000 }, () => throttle.admit('a', '192.0.2.1'));
    expect(await run(asked, 'success')).toEqual({ admitted: 1_000, refused: 0 });
  });

  test('of many right clients behind one address passes whole', async () => {
    const { throttle } = setUp();
    const asked = Array.from({ length: 1_000 }, (_, i) => throttle.admit(`client ${i % 100}`, '192.0.2.1'));
    expect(await run(asked, 'success')).toEqual({ admitted: 1_000, refused: 0 });
  });

  test('of guesses at one client id makes three guesses', async () => {
    const { throttle } = setUp();
    const asked = Array.from({ length: 1_000 }, () => throttle.admit('a', '192.0.2.1'));
    expect(await run(asked, 'failure')).toEqual({ admitted: 3, refused: 997 });
  });

  test('of guesses at many client ids makes thirty guesses', async () => {
    const { throttle } = setUp();
    const asked = Array.from({ length: 1_000 }, (_, i) => throttle.admit(`client ${i}`, '192.0.2.1'));
    expect(await run(asked, 'failure')).toEqual({ admitted: 30, refused: 970 });
  });

  test('has one attempt of a pair and eight of an address in flight at a time', async () => {
    const { throttle } = setUp();
    const state = async (asked: Promise<Admission>[]) => {
      const answers = await Promise.all(asked.map(atOnce));
      return answers.filter((answer) => answer !== 'in line').length;
    };
    expect(await state(Array.from({ length: 20 }, () => throttle.admit('a', '192.0.2.1')))).toBe(1);
    expect(await state(Array.from({ length: 20 }, (_, i) => throttle.admit(`client ${i}`, '192.0.2.1')))).toBe(7);
    expect(await state([throttle.admit('a', '192.0.2.2')])).toBe(1);
  });

  test('longer than the line of one address is refused, to be asked again, and only there', async () => {
    const { throttle, attempt } = setUp();
    const asked = Array.from({ length: 1_001 }, () => throttle.admit('a', '192.0.2.1'));
    expect(await throttle.admit('a', '192.0.2.1')).toEqual({ kind: 'wait', retryAfterMs: second });
    expect(await attempt('a', '192.0.2.2', 'success')).toBe(0);
    expect(await run(asked, 'success')).toEqual({ admitted: 1_001, refused: 0 });
  });

  test('of any mixture leaves nobody in line for ever', async () => {
    const ask = fc.tuple(
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
      fc.constantFrom('192.0.2.1', '192.0.2.2'),
      fc.constantFrom<AttemptOutcome>('success', 'failure', 'abandoned'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(ask, { maxLength: 150 }), fc.scheduler(), async (asks, scheduler) => {
        const { throttle } = setUp();
        const all = asks.map(async ([clientId, address, outcome]) => {
          const admission = await throttle.admit(clientId, address);
          if (admission.kind === 'wait') return;
          await scheduler.schedule(Promise.resolve());
          admission.release(outcome);
        });
        await scheduler.waitFor(Promise.all(all));
      }),
    );
  });
});

describe('memory', () => {
  test('a paused pair cannot be pushed out by failing elsewhere once or twice', async () => {
    const { attempt } = setUp({ entriesMax: 50 });
    for (let i = 0; i < 3; i++) await attempt('a', '192.0.2.1');
    for (let i = 0; i < 2_000; i++) await attempt('a', `2001:db8:0:${(i % 1_000).toString(16)}::1`);
    expect(await attempt('a', '192.0.2.1')).toBeGreaterThan(0);
  });

  test('a paused pair is pushed out only by as many paused pairs as the table holds', async () => {
    const { attempt } = setUp({ entriesMax: 50 });
    const pauseOther = async (i: number) => {
      for (let failure = 0; failure < 3; failure++) await attempt(`client ${i}`, `192.0.2.${i}`);
    };
    for (let i = 0; i < 3; i++) await attempt('a', '198.51.100.1');
    for (let i = 1; i < 50; i++) await pauseOther(i);
    expect(await attempt('a', '198.51.100.1')).toBe(second);
    await pauseOther(50);
    expect(await attempt('a', '198.51.100.1')).toBe(0);
  });

  test('names no client and no address', async () => {
    const { throttle, attempt } = setUp();
    for (let i = 0; i < 4; i++) await attempt('client-name', '192.0.2.77');
    await throttle.admit('client-name-2', '192.0.2.78');
    const seen = inspect(throttle, { depth: 9, showHidden: true });
    expect(seen).not.toContain('client-name');
    expect(seen).not.toContain('192.0.2');
  });
});
