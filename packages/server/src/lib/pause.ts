import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after so many ms. A process that only waits for this may end. */
export async function pause(ms: number): Promise<void> {
  await sleep(ms, undefined, { ref: false });
}
