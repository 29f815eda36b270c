import { erase } from './operations.ts';
import type { DirectedHistory } from './stage.ts';

/** Histories of accidents: transactions that fail, processes that die, two at once. */
export const faultHistories: readonly DirectedHistory[] = [
  {
    name: 'an erased call is dead a horizon after the next seal, its neighbours live',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b', ['recording', 'transcript', 'details']);
      await stage.archive(p, 'c');
      await stage.erase(p, 'b');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 1,
    name: 'a transaction that failed leaves no ciphertext whose slot nobody destroys',
    async play(stage) {
      const p = await stage.open();
      const archiving = await stage.failCommit(p, stage.archiving(p, 'b'), 'fail', 2);
      await p.run(archiving.work);
      await stage.erase(p, 'b');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 2,
    name: 'a key of a seal that died before its commit expires by the next committed seal, not when it is noticed',
    async play(stage) {
      const p = await stage.open();
      await p.dieAt(p.seal(), 'at:seal:row-written');
      const q = await stage.start();
      await stage.erase(q, 'a');
      await stage.seal(q);
      q.die();
      await stage.passHorizon(await stage.start());
    },
  },
  {
    number: 3,
    name: 'a seal that died before its head moved counts from its commit',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      const [q, r] = [await stage.start(), await stage.start()];
      await p.dieAt(p.seal(), 'at:seal:committed');
      await stage.erase(q, 'b');
      await stage.seal(q);
      await stage.passHorizon(q);
      await stage.erase(q, 'a');
      await q.dieAt(q.seal(), 'at:seal:committed');
      await stage.passHorizon(r);
    },
  },
  {
    number: 4,
    name: 'an expiry beside a seal under way, horizon 0, never destroys the key about to be named',
    horizonMs: 0,
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      const sealing = await stage.world.scheduler.runUntil(p.life, p.seal(), 'at:seal:vault-written');
      const expiring = await stage.begin(q, q.expire());
      await p.run(sealing.work);
      await q.run(expiring.work);
      await q.run(q.expire());
    },
  },
  {
    number: 6,
    name: 'the head never goes back, however late a slower sealer moves it',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      await stage.archive(q, 'b');
      const sealing = await stage.world.scheduler.runUntil(p.life, p.seal(), 'at:seal:committed');
      const copy = stage.world.state;
      await stage.archive(q, 'c');
      await stage.seal(q);
      await p.run(sealing.work);
      await stage.putBack(copy);
      const r = await stage.restore();
      await stage.seal(r);
      await stage.passHorizon(r);
    },
  },
  {
    number: 8,
    name: 'stated: a seized vault reads what is handed out later of a leaf born before',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      stage.world.seizeVault();
      await stage.archive(p, 'c');
      await stage.erase(p, 'c');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 9,
    name: 'stated: a seal that began before an erasure does not cover it',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      const sealing = await stage.world.scheduler.runUntil(p.life, p.seal(), 'at:seal:committed');
      await stage.erase(q, 'a');
      await p.run(sealing.work);
      await stage.passHorizon(q);
    },
  },
  {
    number: 10,
    name: 'a slot destroyed by one process stays destroyed when another writes the same leaf',
    async play(stage) {
      const p = await stage.open();
      for (const owner of ['b', 'c', 'd']) await stage.archive(p, owner);
      const q = await stage.start();
      await stage.erase(p, 'b');
      await stage.erase(q, 'c');
      await stage.erase(p, 'd');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 11,
    name: 'a birth that is tried again draws new keys',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      const archiving = await stage.failCommit(p, stage.archiving(p, 'b'), 'conflict');
      stage.world.seizeVault();
      await stage.seal(q);
      await p.run(archiving.work);
      await stage.erase(p, 'b');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 12,
    name: 'what lies in a leaf born after a seal stays dead for whoever seized the vault before that seal',
    async play(stage) {
      const p = await stage.open();
      stage.world.seizeVault();
      await stage.seal(p);
      await stage.archive(p, 'b', ['recording', 'transcript', 'details']);
      await stage.erase(p, 'b');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    name: 'a key whose destruction was interrupted is destroyed by the next expiry',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      await stage.archive(p, 'b');
      await stage.erase(p, 'a');
      await stage.seal(p);
      await stage.passHorizon(p);
      await stage.erase(p, 'b');
      await stage.seal(p);
      stage.world.wait(stage.world.horizonMs);
      await p.dieAt(p.expire(), 'vault:destroying key');
      await q.run(q.expire());
    },
  },
  {
    name: 'a key that lingers in one folder is not overlooked by an expiry that cannot look there',
    vaultFolders: 2,
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      await stage.erase(p, 'a');
      await stage.seal(p);
      stage.world.wait(stage.world.horizonMs);
      await p.dieAt(p.expire(), 'vault:destroy key-', 2);
      await stage.failAt(q, q.expire(), 'vault:list', 2);
    },
  },
  {
    name: 'a cache that forgets in the middle of a transaction changes nothing that is written',
    async play(stage) {
      const p = await stage.open();
      const erasing = await stage.world.scheduler.runUntil(p.life, erase(p, ['a']), 'read:pages');
      p.tree.dropCaches();
      await p.run(erasing.work);
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    name: 'a process whose reservation was ended by another goes on with a new leaf',
    shape: { fanOut: 8, levels: 3 },
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      const q = await stage.start();
      stage.world.wait(30_000);
      const slots = await p.run(p.issuer.take(1));
      const naming = p.store.transact(async (tx) => await p.issuer.confirm(tx.keys, slots));
      await stage.failCommit(p, naming, 'fail');
      stage.world.wait(40_000);
      await q.run(q.endReservations());
      await stage.archive(p, 'd');
    },
  },
  {
    name: 'a second seal by the same process keeps what another has changed between',
    async play(stage) {
      const p = await stage.open();
      const q = await stage.start();
      await stage.seal(p);
      await stage.archive(q, 'b');
      await stage.erase(q, 'a');
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
];
