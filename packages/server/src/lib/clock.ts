/** Where time comes from. Milliseconds since the Unix epoch, UTC. */
export interface Clock {
  now(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now() };
