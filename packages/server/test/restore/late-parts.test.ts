/** What came to calls that were archived already, through a copy of the database and a restore. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changeCall } from '../../src/engine/calls/change-call.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { readCall } from '../../src/engine/calls/read-call.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { audio } from '../crash/life.ts';
import { openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { add, changes, lateArtifactOf, lateCast } from '../crash/life-late.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { erase, purgeAll, Stage, type Work } from './stage.ts';

const { voiced } = lateCast;
const event = { call: voiced, field: 'late' } as const;

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** Does something to the call, and copies the database when that comes to `point`. */
async function copiedAt(point: string, work: (at: Work) => Promise<unknown>): Promise<string> {
  let copy = '';
  const faults = new HookedFaults();
  await stage.process(
    async (at) => {
      const copied = faults.next(point, async () => {
        copy = stage.copy();
      });
      await Promise.all([work(at), copied]);
    },
    { faults },
  );
  return copy;
}

const putLate = async ({ engine, caller }: Work) => await add(engine, caller, stage.idOf(voiced), 'recording', voiced);

/** One whose line breaks in the middle. */
async function putBroken({ engine, caller }: Work): Promise<void> {
  async function* broken() {
    yield lateArtifactOf(voiced).subarray(0, 70_000);
    throw new Error('the line broke');
  }
  const putting = storeLateRecording(engine, caller, stage.idOf(voiced), broken(), audio);
  await expect(putting).rejects.toThrow('the line broke');
}

/** Nothing is on its way, and whatever is missing can come again. */
async function expectAtRest(): Promise<void> {
  await stage.process(async (at) => {
    const { engine, caller } = at;
    expect(await engine.store.reads.lateArtifacts.page(-1, 9)).toEqual([]);
    await add(engine, caller, stage.idOf(voiced), 'second', voiced);
    await putLate(at);
    const { details, transcript, recording } = await readCall(engine, caller, stage.idOf(voiced));
    expect({ details, transcript }).toMatchObject(changes.second);
    expect(recording?.sizeBytes).toBe(lateArtifactOf(voiced).length);
    expect((await fsck(engine, { deep: true, repair: false })).problems).toEqual([]);
  });
  await stage.expectSound();
}

describe('a copy taken while a recording was on its way', () => {
  beforeEach(async () => await stage.process(async (at) => await stage.archive(at, voiced)));

  test.each(['late:named', 'late:bytes-stored'])(
    'at %s, which then came, is restored without it; it can come again',
    async (point) => {
      const copy = await copiedAt(point, putLate);
      const report = await stage.restoreFrom(copy);
      expect(report).toMatchObject({ uploadsEnded: 1, artifactsLost: [], callsWithoutBytes: [] });
      await expectAtRest();
    },
  );

  test('that came to nothing is restored without it, and nothing is told to be lost', async () => {
    const copy = await copiedAt('late:named', putBroken);
    expect(await stage.restoreFrom(copy)).toMatchObject({ uploadsEnded: 0, artifactsLost: [] });
    await expectAtRest();
  });

  test('that an erasure has met since is restored without it, and it stays refused', async () => {
    const copy = await copiedAt('late:bytes-stored', putLate);
    await stage.process(async (at) => await erase(at, 'delete-recording', voiced));
    expect(await stage.restoreFrom(copy)).toMatchObject({ artifactsLost: [], verified: 1 });
    await stage.process(async (at) => {
      await expect(putLate(at)).rejects.toMatchObject({ code: 'recording_erased' });
    });
    await stage.expectSound();
  });

  test('whose call was purged since is restored without it, and verified at once', async () => {
    const copy = await copiedAt('late:bytes-stored', putLate);
    await stage.process(async (at) => await purgeAll(at, { by: 'calls', ids: [stage.idOf(voiced)] }));
    expect(await stage.restoreFrom(copy)).toMatchObject({ artifactsLost: [], verified: 1, unverified: 0 });
    await stage.process(async (at) => {
      await expect(putLate(at)).rejects.toMatchObject({ code: 'call_erased' });
      expect(await at.engine.store.reads.lateArtifacts.page(-1, 9)).toEqual([]);
    });
  });
});

describe('a copy taken before a change', () => {
  /** The call says what the first change says, and an event of it has come. */
  beforeEach(async () => {
    await stage.process(async (at) => {
      await stage.archive(at, voiced);
      await add(at.engine, at.caller, stage.idOf(voiced), 'first', voiced);
      await sendEvent(at.engine, at.caller, event);
    });
  });

  async function read() {
    return await stage.process(async ({ engine, caller }) => await readCall(engine, caller, stage.idOf(voiced)));
  }

  test('that only adds brings back what was there before it', async () => {
    const copy = stage.copy();
    await stage.process(async ({ engine, caller }) => {
      await changeCall(engine, caller, stage.idOf(voiced), { details: { nps: 9 } });
      await engine.rootKeys.seal();
    });
    expect(await stage.restoreFrom(copy)).toMatchObject({ artifactsLost: [] });
    expect(await read()).toMatchObject(changes.first);
    expect((await read()).details).not.toHaveProperty('nps');
    await expectAtRest();
  });

  test('that replaces says what is lost: the older content must not come back, the newer went with the database', async () => {
    const copy = stage.copy();
    await stage.process(async (at) => await add(at.engine, at.caller, stage.idOf(voiced), 'second', voiced));
    const report = await stage.restoreFrom(copy);
    const callId = stage.idOf(voiced);
    expect(report.artifactsLost.toSorted()).toEqual([`details of ${callId}`, `transcript of ${callId}`]);
    expect(await read()).toMatchObject({ details: null, transcript: null, correlation: { sessionId: voiced.session } });
    await stage.process(async ({ engine }) => expect([...(await openedEvents(engine)).keys()]).toEqual([]));
    await expectAtRest();
  });

  test('that replaces leaves a call of which all is lost to be found, and purged, by its number', async () => {
    const copy = stage.copy();
    await stage.process(async (at) => await add(at.engine, at.caller, stage.idOf(voiced), 'second', voiced));
    await stage.restoreFrom(copy);
    await stage.process(async (at) => await purgeAll(at, { by: 'customer', phones: [voiced.phone], emails: [] }));
    await stage.expectStandings([[voiced, 'gone']]);
  });

  test.each([
    ['change:named', ['details', 'transcript']],
    ['change:sealed', ['details', 'transcript']],
    ['change:committed', []],
  ])('that replaces and was at %s has nothing on its way', async (point, lost) => {
    const copy = await copiedAt(point, async ({ engine, caller }) => {
      await add(engine, caller, stage.idOf(voiced), 'second', voiced);
    });
    const report = await stage.restoreFrom(copy);
    expect(report.artifactsLost.map((one) => one.split(' ')[0]).toSorted()).toEqual(lost);
    if (lost.length === 0) {
      expect(await read()).toMatchObject(changes.second);
      expect((await read()).details?.['metadata']).toEqual({ late: wordsOf(event) });
    }
    await expectAtRest();
  });
});
