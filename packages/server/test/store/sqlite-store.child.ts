/**
 * Another process on the same database: `open|count|hold|die FILE [N | POINT]`, steered by messages.
 *
 * `open` creates the schema and tells what it applied. `count` adds N to the number of the next leaf, one by one. `hold`
 * keeps a write transaction open, in which it adds one, until it is told to go on. `die` adds one and is killed at POINT.
 * Each says `ready` (`hold`: inside its transaction) and waits for a word.
 */
import { once } from 'node:events';
import type { KeyTx } from '../../src/model/key-store.ts';
import { openSqliteStore } from '../../src/store/store.ts';

const [verb = '', file = '', argument = ''] = process.argv.slice(2);

const store = await openSqliteStore({
  file,
  faults: {
    at: (point) => {
      if (verb === 'die' && point === argument) process.kill(process.pid, 'SIGKILL');
    },
  },
});

async function ready(): Promise<void> {
  process.send?.('ready');
  await once(process, 'message');
}

async function addOne(tx: KeyTx): Promise<void> {
  const top = await tx.lockTop();
  await tx.updateTop({ nextLeaf: (top?.nextLeaf ?? 0) + 1 });
}

async function run(): Promise<unknown> {
  switch (verb) {
    case 'open':
      await ready();
      return store.migrate();
    case 'count':
      await ready();
      for (let i = 0; i < Number(argument); i += 1) await store.keyStore.write(addOne);
      return 'counted';
    case 'hold':
      return store.keyStore.write(async (tx) => {
        await addOne(tx);
        await ready();
        return 'released';
      });
    case 'die':
      await ready();
      return store.keyStore.write(addOne);
    default:
      throw new Error(`unknown verb ${verb}`);
  }
}

const answer = await run();
await store.close();
process.send?.({ answer });
process.disconnect();
