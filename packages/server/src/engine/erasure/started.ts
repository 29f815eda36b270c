import type { Engine } from '../context.ts';
import type { Started } from './erase-now.ts';
import type { HowShredded } from './run.ts';

/** Calls held when an erasure was planned, and those that a hold placed since has kept from being shredded. */
export async function heldAtLast(engine: Engine, started: Started): Promise<Set<string>> {
  const held = new Set(started.heldCallIds);
  const { held: count } = await engine.store.reads.erasures.tally(started.erasure.id);
  const options = { fromSeq: 0, limit: count, states: ['held'] } as const;
  if (count === 0) return held;
  for (const item of await engine.store.reads.erasures.items(started.erasure.id, options)) held.add(item.callId);
  return held;
}

/**
 * Waits for the shredding, but not for ever: undefined when it is not over by then. It goes on in the background, and a
 * repeat shows how far it came.
 */
export async function untilShredded(
  { shredded }: Pick<Started, 'shredded'>,
  waitMs: number,
): Promise<HowShredded | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), waitMs);
  });
  try {
    return await Promise.race([shredded, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
