import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` with the numbers from 0 to just below `count`, `lanes` at a time, and begins no more once `maxMs` have
 * passed. Returns how many were done and how long all of it took.
 */
export async function inLanes(
  options: { count: number; lanes: number; maxMs: number },
  work: (number: number) => Promise<void>,
): Promise<{ done: number; tookMs: number }> {
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < options.count && performance.now() - began < options.maxMs) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: options.lanes }, lane));
  return { done: next, tookMs: performance.now() - began };
}

/**
 * Sends `work` at a steady rate until `stopped` says so, whether or not earlier ones have been answered; returns how
 * long each took from the moment at which it was due, in ms. A server that stalls makes those behind wait as well, and a
 * loop that waited for each answer would not see them.
 */
export async function atSteadyRate(
  options: { perSecond: number; stopped: () => boolean },
  work: () => Promise<void>,
): Promise<number[]> {
  const began = performance.now();
  const tookMs: number[] = [];
  const running: Promise<void>[] = [];
  for (let sent = 0; !options.stopped(); sent += 1) {
    const dueAt = began + (sent * 1000) / options.perSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    running.push(work().then(() => void tookMs.push(performance.now() - dueAt)));
  }
  await Promise.all(running);
  return tookMs;
}

/** Asks again and again, with a pause in between, until the answer is yes; returns the time of the question then. */
export async function until(ask: () => Promise<boolean>, options: { pauseMs: number; maxMs: number }): Promise<number> {
  const began = performance.now();
  while (!(await ask())) {
    if (performance.now() - began > options.maxMs) throw new Error('waited too long');
    await sleep(options.pauseMs);
  }
  return performance.now();
}
