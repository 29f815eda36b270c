import { nextTurn } from '../../lib/next-turn.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Engine } from '../context.ts';

/** How long an answer is kept: whoever repeats a request later is no client that has lost an answer. */
const answerLifeMs = 24 * 3_600_000;

/** Dropped in one transaction. */
const batch = 1000;
/** Transactions in one go, so that whatever else is to be looked after gets its turn. */
const batchesMax = 100;

/**
 * Drops answers to requests with an `Idempotency-Key` that are older than `answerLifeMs`, and those from as far in the
 * future, which were made while the clock was ahead and would else stay until it is there again. Returns how many.
 */
export async function dropOldAnswers(engine: Engine): Promise<number> {
  const now = engine.clock.now();
  const old = await dropAll(engine, async ({ answers }) => await answers.dropOld(now - answerLifeMs, batch));
  return old + (await dropAll(engine, async ({ answers }) => await answers.dropAhead(now + answerLifeMs, batch)));
}

async function dropAll(engine: Engine, dropSome: (tx: StoreTx) => Promise<number>): Promise<number> {
  let dropped = 0;
  for (let batches = 0; batches < batchesMax && !engine.stopping.aborted; batches += 1) {
    const some = await engine.store.write(dropSome);
    dropped += some;
    if (some < batch) break;
    await nextTurn();
  }
  return dropped;
}
