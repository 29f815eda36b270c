import { hasCode } from './codes.ts';
import type { SimulatedProcess } from './process.ts';
import type { DirectedHistory } from './stage.ts';

/**
 * Histories of processes whose connection is cut, or that stood still until the database cut it: they go on with what they
 * were doing to the vault, without the lock that they believe to have, beside others who do have it.
 */
export const connectionHistories: readonly DirectedHistory[] = [
  {
    name: 'a key written by a sealer that had lost its lock opens nothing that was erased meanwhile',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      const sealing = await stage.world.scheduler.runUntil(p.life, p.seal(), 'vault:rename key');
      p.store.cut();
      await stage.erase(q, 'a');
      await stage.seal(q);
      await stage.seal(q);
      await goOn(p, sealing.work);
      await stage.passHorizon(q);
    },
  },
  {
    name: 'a head moved by a sealer that had lost its lock neither goes back nor puts off the end of a key',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      const sealing = await stage.world.scheduler.runUntil(p.life, p.seal(), 'vault:rename head');
      p.store.cut();
      await stage.erase(q, 'a');
      await stage.seal(q);
      await stage.passHorizon(q);
      const copy = stage.world.state;
      await stage.archive(q, 'b');
      await stage.seal(q);
      await goOn(p, sealing.work);
      await stage.putBack(copy);
      await stage.passHorizon(await stage.restore());
    },
  },
  {
    name: 'who sweeps temporary files without the lock never takes a key that is just being named',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      const { scheduler } = stage.world;
      // The second listing of an expiry is that of the sweep.
      const sweeping = await scheduler.runUntil(p.life, p.expire(), 'vault:list', 2);
      p.store.cut();
      const sealing = await scheduler.runUntil(q.life, q.seal(), 'vault:rename key');
      const goneOn = await scheduler.runUntil(p.life, sweeping.work, 'vault:destroying key');
      await goOn(q, sealing.work);
      await goOn(p, goneOn.work);
      await stage.archive(q, 'b');
      await stage.seal(q);
      await stage.passHorizon(q);
    },
  },
  {
    name: 'an expiry that had lost its lock destroys nothing that a later seal names',
    horizonMs: 0,
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      await stage.erase(q, 'a');
      await q.dieAt(q.seal(), 'at:seal:head-moved');
      const r = await stage.start();
      const expiring = await stage.world.scheduler.runUntil(p.life, p.expire(), 'at:expire:chosen');
      p.store.cut();
      await stage.seal(r);
      await stage.archive(r, 'b');
      await goOn(p, expiring.work);
      await stage.seal(r);
      await stage.passHorizon(r);
    },
  },
];

/** Runs an operation to its end, which may be that somebody else has swept what it had begun to write. */
async function goOn(process: SimulatedProcess, work: Promise<unknown>): Promise<void> {
  try {
    await process.run(work);
  } catch (error) {
    if (!hasCode(error, 'vault_unreachable')) throw error;
  }
}
