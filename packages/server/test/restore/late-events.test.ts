/** Metadata that came apart from its call, through a copy of the database and a restore. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCall } from '../../src/engine/calls/read-call.ts';
import type { EventEnd } from '../../src/engine/events/add-event.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import { expectRetry } from '../crash/invariants.ts';
import { cast, type LifeCall } from '../crash/life.ts';
import { openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { erase, purgeAll, Stage, type Work } from './stage.ts';

const { kept, purged, foretold, awaited, depersonalized } = cast;
const hourMs = 3_600_000;

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const early = (call: LifeCall) => ({ call, field: 'early' }) as const;
const late = (call: LifeCall) => ({ call, field: 'late' }) as const;

async function send({ engine, caller }: Work, ...events: Parameters<typeof wordsOf>[0][]): Promise<EventEnd[]> {
  const ends: EventEnd[] = [];
  for (const event of events) ends.push(await sendEvent(engine, caller, event));
  return ends;
}

async function wordsLeft(): Promise<string[]> {
  return await stage.process(async ({ engine }) => [...(await openedEvents(engine)).keys()].sort());
}

test('events of a session purged since the copy are gone, its upload is refused, and late events are dropped', async () => {
  await stage.process(async (at) => expect(await send(at, early(foretold), early(awaited))).toEqual(['kept', 'kept']));
  const copy = stage.copy();
  await stage.process(async (at) => await purgeAll(at, { by: 'sessions', ids: [foretold.session] }));
  const report = await stage.restoreFrom(copy);
  expect(report).toMatchObject({ items: [{ action: 'purge', wasHere: true }], verified: 1, tombstones: 1 });
  expect(await wordsLeft()).toEqual([wordsOf(early(awaited))]);
  await stage.process(async (at) => {
    await expectRetry(at.engine, at.caller, foretold, 'gone');
    expect(await send(at, late(foretold))).toEqual(['dropped']);
  });
});

test('a session whose events came and were purged since the copy is refused', async () => {
  await stage.process(async (at) => await stage.archive(at, kept));
  const copy = stage.copy();
  await stage.process(async (at) => {
    await send(at, early(foretold));
    await purgeAll(at, { by: 'sessions', ids: [foretold.session] });
  });
  expect(await stage.restoreFrom(copy)).toMatchObject({ items: [{ action: 'purge', wasHere: false }] });
  await stage.process(async ({ engine, caller }) => await expectRetry(engine, caller, foretold, 'gone'));
});

test('an event whose call has come since the copy goes with the call, and both can be sent again', async () => {
  await stage.process(async (at) => await send(at, early(kept)));
  const copy = stage.copy();
  await stage.process(async (at) => await stage.archive(at, kept));
  expect(await stage.restoreFrom(copy)).toMatchObject({ items: [], uploadsEnded: 0 });
  expect(await wordsLeft()).toEqual([]);
  await stage.process(async (at) => {
    await expectRetry(at.engine, at.caller, kept, 'absent');
    expect(await send(at, early(kept))).toEqual(['applied']);
  });
});

test('an event that has expired since the copy does not come back', async () => {
  await stage.process(async (at) => await send(at, early(awaited)));
  const copy = stage.copy();
  stage.lapse(23 * hourMs);
  await stage.process(async (at) => await send(at, late(awaited)));
  stage.lapse(2 * hourMs);
  await stage.process(async ({ engine }) => await new Upkeep(engine).once());
  expect(await wordsLeft()).toEqual([wordsOf(late(awaited))]);
  await stage.restoreFrom(copy);
  // What came after the copy is lost with the database, as any other thing is.
  expect(await wordsLeft()).toEqual([]);
  await stage.process(async (at) => await expectRetry(at.engine, at.caller, awaited, 'absent'));
});

test('an event that waited longer than a day while its database was a backup expires after the restore', async () => {
  await stage.process(async (at) => await send(at, early(awaited)));
  const copy = stage.copy();
  await stage.process(async ({ engine }) => void (await engine.rootKeys.seal()));
  stage.lapse(25 * hourMs);
  await stage.restoreFrom(copy);
  await stage.process(async ({ engine }) => await new Upkeep(engine).once());
  expect(await wordsLeft()).toEqual([]);
  await stage.expectSound();
});

test('events of calls that were erased since the copy are gone, and those of the others are read', async () => {
  await stage.process(async (at) => {
    await send(at, early(kept));
    await stage.archive(at, kept, purged, depersonalized);
    await send(at, late(kept), late(purged), late(depersonalized));
  });
  const copy = stage.copy();
  await stage.process(async (at) => {
    await purgeAll(at, { by: 'calls', ids: [stage.idOf(purged)] });
    await erase(at, 'depersonalize', depersonalized, true);
  });
  await stage.restoreFrom(copy);
  expect(await wordsLeft()).toEqual([early(kept), late(kept)].map(wordsOf).sort());
  await stage.process(async (at) => {
    const { details } = await readCall(at.engine, at.caller, stage.idOf(kept));
    expect(details?.['metadata']).toEqual({ early: wordsOf(early(kept)), late: wordsOf(late(kept)) });
    expect(await send(at, late(purged), late(depersonalized))).toEqual(['dropped', 'dropped']);
  });
});

test('an event that waits in the copy finds its call by the tokens that the restore has made anew', async () => {
  await stage.process(async (at) => await send(at, early(kept)));
  const copy = stage.copy();
  await stage.process(async ({ engine }) => void (await engine.rootKeys.seal()));
  await stage.restoreFrom(copy);
  await stage.process(async (at) => {
    await stage.archive(at, kept);
    const { details } = await readCall(at.engine, at.caller, stage.idOf(kept));
    expect(details?.['metadata']).toEqual({ early: wordsOf(early(kept)) });
    expect(await at.engine.store.reads.calls.anyAwaited(at.caller.tenant.id)).toBe(false);
  });
});
