import { codeOf } from '../model/errors.ts';
import type { Meter } from '../model/meter.ts';
import type { LabelsOf } from '../model/metrics.ts';
import type { Store } from '../model/store.ts';
import { meteredKeyReads, meteredKeyTx, meteredTx } from './metered-tx.ts';
import { Tally } from './tally.ts';

type Kind = LabelsOf<'tacet_store_transactions_total'>['kind'];

/**
 * A store that tells `meter` of its transactions and, once they are committed, of what they did. In all else it is `store`.
 */
export function meteredStore(store: Store, meter: Meter): Store {
  const { keyStore } = store;
  return {
    reads: store.reads,
    writeAimMs: store.writeAimMs,
    write: async (work) =>
      await meteredWrite(meter, 'write', async (run) => {
        return await store.write(async (tx) => await run(async (tally) => await work(meteredTx(tx, tally))));
      }),
    snapshot: async (work) => await meteredSnapshot(meter, async () => await store.snapshot(work)),
    keyStore: {
      reads: meteredKeyReads(keyStore.reads, meter),
      write: async (work) =>
        await meteredWrite(meter, 'keys', async (run) => {
          return await keyStore.write(async (tx) => await run(async (tally) => await work(meteredKeyTx(tx, tally))));
        }),
      writeFresh: async (work) =>
        await meteredWrite(meter, 'keys_fresh', async (run) => {
          return await keyStore.writeFresh(
            async (tx) => await run(async (tally) => await work(meteredKeyTx(tx, tally))),
          );
        }),
    },
    migrate: async (options) => await store.migrate(options),
    checkpoint: async () => await store.checkpoint(),
    copyTo: async (file, options) => await store.copyTo(file, options),
    close: async () => await store.close(),
  };
}

/** Runs one attempt of a transaction's work, which notes what it does in the tally it is given. */
type Run<T> = (attempt: (tally: Tally) => Promise<T>) => Promise<T>;

async function meteredWrite<T>(meter: Meter, kind: Kind, transact: (run: Run<T>) => Promise<T>): Promise<T> {
  const began = performance.now();
  let tally: Tally | undefined;
  let failure: { error: unknown } | undefined;
  try {
    const result = await transact(async (attempt) => {
      if (tally !== undefined) {
        meter.count('tacet_store_retries_total', { reason: failure ? codeOf(failure.error) : 'commit' });
      }
      tally = new Tally();
      failure = undefined;
      try {
        return await attempt(tally);
      } catch (error) {
        failure = { error };
        throw error;
      }
    });
    tally?.tell(meter);
    end(meter, kind, began, 'committed');
    return result;
  } catch (error) {
    end(meter, kind, began, endingOf(error));
    throw error;
  }
}

async function meteredSnapshot<T>(meter: Meter, read: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    const result = await read();
    end(meter, 'snapshot', began, 'committed');
    return result;
  } catch (error) {
    end(meter, 'snapshot', began, endingOf(error));
    throw error;
  }
}

type Ending = LabelsOf<'tacet_store_transactions_total'>['outcome'];

function end(meter: Meter, kind: Kind, began: number, outcome: Ending): void {
  meter.count('tacet_store_transactions_total', { kind, outcome });
  meter.observe('tacet_store_transaction_seconds', { kind }, (performance.now() - began) / 1000);
}

/** What has a code of the product's was said by whoever used the transaction; the rest is the database's, or a defect. */
function endingOf(error: unknown): Ending {
  const code = codeOf(error);
  return code.startsWith('store_') || code === 'internal' ? 'failed' : 'refused';
}
