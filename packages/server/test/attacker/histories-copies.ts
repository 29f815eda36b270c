import { replace, turnEpoch } from './operations.ts';
import type { DirectedHistory } from './stage.ts';

/** Histories of copies put back, and of token epochs. */
export const copyHistories: readonly DirectedHistory[] = [
  {
    name: 'a call erased and sealed stays erased in a copy put back',
    async play(stage) {
      const p = await stage.open();
      const copy = stage.world.state;
      await stage.erase(p, 'a');
      await stage.seal(p);
      await stage.putBack(copy);
      await stage.passHorizon(await stage.restore());
    },
  },
  {
    number: 5,
    name: 'a copy put back is noticed although the seal died before its head moved',
    async play(stage) {
      const p = await stage.open();
      const copy = stage.world.state;
      await stage.erase(p, 'a');
      await p.dieAt(p.seal(), 'at:seal:committed');
      await stage.putBack(copy);
      const q = await stage.restore();
      await stage.seal(q);
      await stage.passHorizon(q);
    },
  },
  {
    number: 7,
    name: 'a call that a copy put back has lost counts as erased',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      const copy = stage.world.state;
      await stage.archive(p, 'c');
      await stage.seal(p);
      await stage.putBack(copy);
      const q = await stage.restore();
      await stage.archive(q, 'd');
      await stage.seal(q);
      await stage.passHorizon(q);
    },
  },
  {
    number: 13,
    name: 'stated: tokens of an erased number die a horizon after the sealed end of their epoch',
    async play(stage) {
      const p = await stage.open();
      await stage.erase(p, 'a');
      await stage.archive(p, 'b');
      await stage.seal(p);
      await stage.passHorizon(p);
      await p.run(turnEpoch(p));
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 14,
    name: 'stated: a living call that shares the number gives away an old token of an erased one',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      await stage.erase(p, 'a');
      await p.run(turnEpoch(p));
      await stage.seal(p);
      await stage.passHorizon(p);
    },
  },
  {
    number: 15,
    name: 'a call lost by a copy put back unnoticed is destroyed when its lease has run out',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      const copy = stage.world.state;
      await stage.archive(p, 'c');
      await stage.putBack(copy);
      stage.world.wait(61_000);
      const q = await stage.start();
      await stage.seal(q);
      await stage.passHorizon(q);
    },
  },
  {
    number: 16,
    name: 'no seal hides that a copy was put back',
    async play(stage) {
      const p = await stage.open();
      await stage.archive(p, 'b');
      const copy = stage.world.state;
      await stage.archive(p, 'c');
      await stage.erase(p, 'a');
      await stage.seal(p);
      await stage.putBack(copy);
      const [q, r] = [stage.idle(), stage.idle()];
      await stage.refused(q, q.seal());
      await stage.refused(r, r.expire());
      const s = await stage.restore();
      await stage.seal(s);
      await stage.passHorizon(s);
    },
  },
  {
    number: 17,
    name: 'an expiry never destroys the key that a copy put back meanwhile names',
    async play(stage) {
      const p = await stage.open();
      const copy = stage.world.state;
      await stage.seal(p);
      stage.world.wait(stage.world.horizonMs);
      await stage.putBackDuring(copy, p, p.expire(), 'at:expire:chosen');
      await stage.restore();
    },
  },
  {
    name: 'an expiry of a process that opened the database before a copy was put back looks at the copy',
    async play(stage) {
      const p = await stage.open();
      const copy = stage.world.state;
      await stage.seal(p);
      stage.world.wait(stage.world.horizonMs);
      await stage.putBack(copy, p);
      await stage.refused(p, p.expire());
      await stage.restore();
    },
  },
  {
    number: 18,
    name: 'a copy put back twice is noticed twice',
    async play(stage) {
      const p = await stage.open();
      const copy = stage.world.state;
      await stage.erase(p, 'a');
      await p.dieAt(p.seal(), 'at:seal:committed');
      await stage.putBack(copy);
      await stage.restore();
      await stage.putBack(copy);
      const q = await stage.restore();
      await stage.seal(q);
      await stage.passHorizon(q);
    },
  },
  {
    name: 'the journal tells of every slot that a restore destroys, also where a call took another one since',
    async play(stage) {
      const p = await stage.open();
      const before = stage.world.state;
      const [row] = [...before.rows.values()].filter(({ ownerId }) => ownerId === 'a');
      if (row === undefined) throw new Error('no call a');
      await p.run(replace(p, row));
      const after = stage.world.state;
      await stage.putBack(before);
      const q = await stage.start();
      await stage.erase(q, 'a');
      await stage.seal(q);
      await stage.putBack(after);
      await stage.passHorizon(await stage.restore());
    },
  },
  ...['at:restore:marked', 'at:restore:replayed', 'at:restore:unnamed-destroyed', 'at:restore:epochs-turned'].map(
    (point): DirectedHistory => ({
      name: `a restore that died (${point.slice(3)}) is refused until it has been done anew`,
      async play(stage) {
        const p = await stage.open();
        await stage.archive(p, 'b');
        const copy = stage.world.state;
        await stage.archive(p, 'c');
        await stage.erase(p, 'a');
        await p.dieAt(p.seal(), 'at:seal:committed');
        await stage.putBack(copy);
        const q = await stage.restoreDyingAt(point);
        await stage.seal(q);
        await stage.passHorizon(q);
      },
    }),
  ),
];
