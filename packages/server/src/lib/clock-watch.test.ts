import { expect, test } from 'vitest';
import { ClockWatch } from './clock-watch.ts';

const minuteMs = 60_000;

function watched() {
  const time = { wall: 1_700_000_000_000, steady: 500.25 };
  const watch = new ClockWatch({ clock: { now: () => time.wall }, steady: () => time.steady });
  const pass = (ms: number) => {
    time.wall += ms;
    time.steady += ms;
  };
  return { time, watch, pass };
}

test('a clock that nobody touches has not moved, however much time passes', () => {
  const { watch, pass } = watched();
  pass(minuteMs);
  expect(watch.movedMs()).toBe(0);
  pass(1);
  expect(watch.movedMs()).toBe(0);
});

test.each([minuteMs, -minuteMs])('a clock moved by %i ms is told once, with what passed left out', (jumpMs) => {
  const { time, watch, pass } = watched();
  pass(250);
  time.wall += jumpMs;
  pass(250);
  expect(watch.movedMs()).toBe(jumpMs);
  expect(watch.movedMs()).toBe(0);
});

test('a machine that slept looks like a clock set forward', () => {
  const { time, watch } = watched();
  time.wall += 60 * minuteMs;
  expect(watch.movedMs()).toBe(60 * minuteMs);
});
