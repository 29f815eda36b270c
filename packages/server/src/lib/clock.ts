/** Where time comes from. Milliseconds since the Unix epoch, UTC. */
export interface Clock {
  now(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now() };

/**
 * Milliseconds since some moment of this process, fractions included; nobody who sets the clock moves it. For pauses and
 * waits. Stands still while the machine sleeps.
 */
export function steadyMs(): number {
  return performance.now();
}
