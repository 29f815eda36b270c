/** A copy of the database may be made at any instant: here, at every step of everything that writes. */
import { afterAll, describe, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import type { Engine } from '../../src/engine/context.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { faultPoints } from '../crash/fault-points.ts';
import { standingOf } from '../crash/invariants.ts';
import { audio, cast, type LifeCall, newCallOf, recordingOf, type Standing } from '../crash/life.ts';
import {
  earlyEvents,
  expectEvents,
  type LifeEvent,
  lateEvents,
  openedEvents,
  sendEvent,
  type Told,
  wordsOf,
} from '../crash/life-events.ts';
import { livePlans } from '../crash/life-plans.ts';
import { CopiedCampaign } from './copied-campaign.ts';
import { erase, purgeAll, Stage, type Work } from './stage.ts';

/** Points that no life without a restore, a move, a repair or a recovery key comes to. */
const elsewhere = /^(restore|move|fsck|lock|backup):/;
/** What destroys, and comes by several times: a third copy of it has other erasures behind it than the first. */
const erasing = /^(erase|shred|remove|verify|seal|destroy|vault-destroy|epoch|expire):/;

type Copy = { name: string; copy: string; complete: ReadonlySet<LifeCall>; begun: ReadonlySet<LifeCall>; told: Told };

/** How the life leaves its calls. */
const leaves: readonly (readonly [LifeCall, Standing])[] = [
  [cast.kept, 'whole'],
  [cast.keptChat, 'whole'],
  [cast.purged, 'gone'],
  [cast.purgedTwice, 'gone'],
  [cast.purgedChat, 'gone'],
  [cast.held, 'gone'],
  [cast.depersonalized, 'depersonalized'],
  [cast.muted, 'muted'],
];
/** Calls of which only events came: one was purged all the same, of the others they wait to the end. */
const foretold: readonly (readonly [LifeCall, Standing])[] = [
  [cast.foretold, 'gone'],
  [cast.awaited, 'absent'],
  [cast.aborted, 'absent'],
];
const events = [...earlyEvents, ...lateEvents].filter((event) => event.call !== cast.underWay);

const life = new Stage();
const campaign = new CopiedCampaign();
const copies: Copy[] = [];
const [complete, begun] = [new Set<LifeCall>(), new Set<LifeCall>()];
const told = { begun: new Set<LifeEvent>(), answered: new Set<LifeEvent>() };
// What it retired at its beginning has passed its horizon when the copies are made.
await life.process(async ({ engine }) => void (await engine.rootKeys.seal()));
life.lapse(8 * 24 * 3_600_000);
await life.process(live, { faults: copyingFaults() });

afterAll(() => life.end());

describe('a copy of the database', () => {
  test('was made at every step', () => {
    const reached = new Set(copies.map((one) => one.name.split(',')[0]));
    expect(faultPoints().filter((point) => !elsewhere.test(point) && !reached.has(point))).toEqual([]);
  });

  test.each(copies)('made at $name and restored, brings back nothing that was erased', async (one) => {
    const stage = Stage.like(life);
    try {
      stage.putBack(one.copy);
      expect(await stage.restore()).toMatchObject({ unverified: 0, callsWithoutBytes: [] });
      await stage.expectSound();
      await stage.process(async (at) => {
        const { engine, caller } = at;
        for (const [call, standing] of leaves) {
          const expected = new Set<Standing>(one.complete.has(call) || standing === 'gone' ? [standing] : ['absent']);
          // Of a call on its way in, the copy may have either.
          if (one.begun.has(call)) expected.add(standing);
          const found = await standingOf(engine, caller, call);
          expect([...expected], call.session).toContain(found);
          // What waited for a call that came after the copy went with it.
          if (found === 'absent') await expectNoEvents(engine, call);
          else await expectEvents(engine, call, found, one.told);
        }
        await campaign.expectErased(at);
        await campaign.expectKept(at);
        for (const [call, standing] of foretold) {
          expect(await standingOf(engine, caller, call), call.session).toBe(standing);
          await expectEvents(engine, call, standing, one.told);
        }
      });
    } finally {
      stage.end();
    }
  });
});

/** Copies the database where the life stands: the first time at a point, and the third at one of what erases. */
function copyingFaults() {
  const reached = new Map<string, number>();
  return {
    at(point: string) {
      const time = (reached.get(point) ?? 0) + 1;
      reached.set(point, time);
      if (time !== 1 && !(time === 3 && erasing.test(point))) return;
      const name = `${point}, time ${time}`;
      const known = { begun: new Set(told.begun), answered: new Set(told.answered) };
      copies.push({ name, copy: life.copy(), complete: new Set(complete), begun: new Set(begun), told: known });
    },
  };
}

async function live(at: Work): Promise<void> {
  await at.engine.rootKeys.expire();
  await sendAll(at, 'early');
  for (const [call] of leaves) {
    begun.add(call);
    await at.stage.archive(at, call);
    complete.add(call);
  }
  await sendAll(at, 'late');
  await cutUpload(at);
  const hold = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
  const { id } = await placeHold(at.engine, at.caller, { ...hold, callIds: [at.stage.idOf(cast.held)] });
  await Promise.all([
    purgeAll(at, { by: 'calls', ids: [at.stage.idOf(cast.purged), at.stage.idOf(cast.purgedTwice)] }),
    purgeAll(at, { by: 'customer', phones: [cast.purgedChat.phone], emails: [] }),
    erase(at, 'depersonalize', cast.depersonalized, true),
    erase(at, 'delete-recording', cast.muted),
    purgeAll(at, { by: 'sessions', ids: [cast.foretold.session] }),
  ]);
  await at.engine.epochs.turn(at.caller.tenant.id);
  await releaseHold(at.engine, at.caller, id);
  await livePlans(at.engine, at.caller);
  await campaign.live(at);
  await purgeAll(at, { by: 'sessions', ids: [cast.held.session] });
}

async function sendAll({ engine, caller }: Work, field: LifeEvent['field']): Promise<void> {
  for (const event of events.filter((one) => one.field === field)) {
    told.begun.add(event);
    await sendEvent(engine, caller, event);
    told.answered.add(event);
  }
}

async function expectNoEvents(engine: Engine, call: LifeCall): Promise<void> {
  const opened = await openedEvents(engine);
  const left = events.filter((event) => event.call === call && opened.has(wordsOf(event)));
  expect(left, `events of ${call.session}, which is lost`).toEqual([]);
}

/** An upload whose line breaks in the middle. */
async function cutUpload({ engine, caller }: Work): Promise<void> {
  const upload = new Upload(engine, caller);
  await upload.describe(newCallOf(cast.aborted));
  await upload.storeRecording(broken(), audio).catch(() => undefined);
  await upload.abort();
}

async function* broken(): AsyncGenerator<Buffer> {
  yield recordingOf(cast.aborted).subarray(0, 30_000);
  throw new Error('the line broke');
}
