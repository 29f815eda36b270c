import { expect, test } from 'vitest';
import { steadyMs } from './clock.ts';
import { FollowedClock } from './followed-clock.ts';

const hourMs = 3_600_000;

/** A reading that took so long, of a clock that is so far ahead of this machine's. */
function reading(
  clock: FollowedClock,
  { aheadMs, tookMs, atEnd = 0.5 }: { aheadMs: number; tookMs: number; atEnd?: number },
) {
  const answeredAt = steadyMs();
  const askedAt = answeredAt - tookMs;
  clock.note({ askedAt, answeredAt, theirs: Date.now() + aheadMs - tookMs * (1 - atEnd) });
}

/** How far it is ahead of this machine, to the nearest 10 ms. */
function ahead(clock: FollowedClock): number {
  return Math.round((clock.now() - Date.now()) / 10) * 10;
}

test('a clock that was never read is the own one', () => {
  expect(ahead(new FollowedClock())).toBe(0);
});

test('a followed clock shows what the other shows, however the own one is set', () => {
  const clock = new FollowedClock();
  reading(clock, { aheadMs: hourMs, tookMs: 2 });
  expect(ahead(clock)).toBe(hourMs);
  expect(Number.isSafeInteger(clock.now())).toBe(true);
});

test('a slow answer moves nothing that it does not contradict', () => {
  const clock = new FollowedClock();
  reading(clock, { aheadMs: 5000, tookMs: 2 });
  reading(clock, { aheadMs: 5000, tookMs: 3000, atEnd: 0 });
  reading(clock, { aheadMs: 5000, tookMs: 3000, atEnd: 1 });
  expect(ahead(clock)).toBe(5000);
});

test('a quick answer puts right what a slow one left open, and what was set since', () => {
  const clock = new FollowedClock();
  reading(clock, { aheadMs: 5000, tookMs: 4000, atEnd: 1 });
  expect(ahead(clock)).toBe(7000);
  reading(clock, { aheadMs: 5000, tookMs: 2 });
  expect(ahead(clock)).toBe(5000);
  reading(clock, { aheadMs: -hourMs, tookMs: 2 });
  expect(ahead(clock)).toBe(-hourMs);
});
