import { type Admission, type AttemptOutcome, LoginThrottle } from '../../src/lib/login-throttle.ts';

export const second = 1_000;
export const hour = 3_600 * second;

/** A throttle with a clock of its own, and people in front of it. */
export function setUp({ entriesMax = 1_000 }: { entriesMax?: number } = {}) {
  let time = 1_000_000;
  const advance = (ms: number) => {
    time += ms;
  };
  const throttle = new LoginThrottle({ clock: { now: () => time }, entriesMax });

  /** One whole attempt, at once: how long it must wait, 0 when it was admitted and ended as told. */
  async function attempt(clientId: string, address: string, outcome: AttemptOutcome = 'failure'): Promise<number> {
    const admission = await atOnce(throttle.admit(clientId, address));
    if (admission === 'in line') throw new Error('nobody is in flight, and still it stands in line');
    if (admission.kind === 'wait') return admission.retryAfterMs;
    admission.release(outcome);
    return 0;
  }

  /** Fails as often as it is let, for so long; answers how many guesses that made. */
  async function guessFor(ms: number, address: string, clientId: (guess: number) => string): Promise<number> {
    let guesses = 0;
    const end = time + ms;
    while (time < end) {
      const waitMs = await attempt(clientId(guesses), address);
      if (waitMs === 0) guesses++;
      advance(waitMs);
    }
    return guesses;
  }

  return { throttle, advance, attempt, guessFor };
}

/** The answer when it is there already. */
export function atOnce(admission: Promise<Admission>): Promise<Admission | 'in line'> {
  return Promise.race([admission, Promise.resolve('in line' as const)]);
}
