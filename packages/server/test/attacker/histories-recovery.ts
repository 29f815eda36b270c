import type { DirectedHistory } from './stage.ts';

const hasRecoveryKey = true;

/** Histories with a recovery key: what is erased and sealed is beyond whoever takes the machine, horizon or not. */
export const recoveryHistories: readonly DirectedHistory[] = [
  {
    name: 'with a recovery key, what was erased is dead as soon as the next seal has ended',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      await stage.erase(p, 'a');
      await stage.seal(p);
      stage.world.seizeVault();
      await stage.erase(p, 'b');
      await stage.seal(p);
    },
  },
  {
    name: 'with a recovery key, a seal that died with its key drawn leaves no key that the next start leaves as it is',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      await p.dieAt(p.seal(), 'at:seal:row-written');
      const q = await stage.start();
      await stage.erase(q, 'a');
      await stage.seal(q);
    },
  },
  ...['vault:write locked-', 'vault:rename locked-', 'vault:destroy key-', 'vault:destroying key-'].map(
    (point): DirectedHistory => ({
      name: `with a recovery key, a seal that died locking keys away (${point.slice(6)}) is finished by the next start`,
      hasRecoveryKey,
      async play(stage) {
        const p = await stage.open();
        await stage.erase(p, 'a');
        await p.dieAt(p.seal(), point);
        await stage.start();
      },
    }),
  ),
  {
    name: 'with a recovery key, an expiry too finishes what a seal that died has left to lock away',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      await stage.erase(p, 'a');
      await p.dieAt(p.seal(), 'vault:write locked-');
      await q.run(q.expire());
    },
  },
  {
    name: 'with a recovery key, a key whose destruction a failing disk cut short is not overlooked by the next seal',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      await stage.erase(p, 'a');
      await stage.failAt(p, p.seal(), 'vault:destroying key-');
      await stage.seal(p);
    },
  },
  {
    name: 'with a recovery key, a copy put back is restored by whoever has the identity, and its key is not left behind',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      const copy = stage.world.state;
      await stage.erase(p, 'a');
      await stage.seal(p);
      await stage.seal(p);
      await stage.putBack(copy);
      await stage.restore();
    },
  },
  {
    name: 'with a recovery key, a copy is noticed that names a key which was locked away as a stray one',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      const before = stage.world.state;
      await p.dieAt(p.seal(), 'at:seal:committed');
      const after = stage.world.state;
      await stage.putBack(before);
      await stage.start();
      await stage.putBack(after);
      const q = stage.idle();
      await stage.refused(q, q.start());
      await stage.restore();
    },
  },
  {
    name: 'with a recovery key, a copy put back and not yet restored opens for nobody who has only the machine',
    hasRecoveryKey,
    async play(stage) {
      const p = await stage.open();
      const copy = stage.world.state;
      await stage.erase(p, 'a');
      await stage.seal(p);
      await stage.putBack(copy);
    },
  },
];
