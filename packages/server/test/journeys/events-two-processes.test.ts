/** Two processes on one archive, of which each takes what the other has begun. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { type PurgeItem, purge } from '../../src/engine/erasure/purge.ts';
import type { EventEnd } from '../../src/engine/events/add-event.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { hasCode } from '../../src/model/errors.ts';
import { archive, type LifeCall } from '../crash/life.ts';
import { type LifeEvent, openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { type Scene, startScene } from '../support/scene.ts';

let scene: Scene;
let other: TestApp;
beforeEach(async () => {
  scene = await startScene();
  other = await startApp({ folder: scene.app.folder, env: { TACET_BACKUP_HORIZON: '0' }, workers: 0 });
});
afterEach(async () => {
  await other.close();
  expect((await fsck(scene.app.engine, { deep: true })).problems).toEqual([]);
  await scene.end();
});

/** One process for even numbers, the other for odd ones. */
const process = (no: number): TestApp => (no % 2 === 0 ? scene.app : other);

const callNo = (no: number): LifeCall => {
  return { session: `s-${no}`, phone: '+15125551234', bytes: no % 3 === 0 ? 3000 : 0, hasTranscript: true };
};

const eventsOf = (call: LifeCall): LifeEvent[] => [
  { call, field: 'early' },
  { call, field: 'late' },
];

async function send(event: LifeEvent, no: number): Promise<EventEnd> {
  return await sendEvent(process(no).engine, scene.app.caller(), event);
}

/** False where it was refused, since the call was erased or was about to be. */
async function isTaken(call: LifeCall, no: number): Promise<boolean> {
  try {
    await archive(process(no).engine, scene.app.caller(), call);
    return true;
  } catch (error) {
    if (hasCode(error, 'call_erased') || hasCode(error, 'upload_busy')) return false;
    throw error;
  }
}

async function purgeSessions(sessions: readonly string[], no: number): Promise<(PurgeItem['standing'] | undefined)[]> {
  const subject = { by: 'sessions', ids: sessions } as const;
  const items = await purge(process(no).engine, scene.app.caller(), subject, { whatIf: false, waitMs: 10_000 });
  return items.map((item) => item.standing);
}

/** How the calls stand that have an event, as often as it can be opened. */
async function standingsOf(events: readonly LifeEvent[]): Promise<string[][]> {
  const opened = await openedEvents(scene.app.engine);
  return events.map((event) => (opened.get(wordsOf(event)) ?? []).map((call) => call.status));
}

test('a call that one takes has the events that the other takes, none twice', async () => {
  const calls = Array.from({ length: 24 }, (_, no) => callNo(no));
  await Promise.all(
    calls.flatMap((call, no) => [isTaken(call, no), ...eventsOf(call).map(async (event) => await send(event, no + 1))]),
  );
  const events = calls.flatMap(eventsOf);
  expect(await standingsOf(events)).toEqual(events.map(() => ['complete']));
});

test('what one has purged cannot be opened, though the other takes it at the same time', {
  timeout: 60_000,
}, async () => {
  for (let round = 0; round < 6; round += 1) {
    const calls = Array.from({ length: 12 }, (_, no) => callNo(100 * (round + 1) + no));
    const ends = await Promise.all(
      calls.map(async (call, no) => {
        // Of three, the purge of one is the first to begin, that of another the last.
        const erase = async () => await purgeSessions([call.session], no + 1);
        const erasing = no % 3 === 0 ? erase() : undefined;
        const sending = eventsOf(call).map(async (event, i) => await send(event, no + i));
        const between = no % 3 === 1 ? erase() : undefined;
        const isArchived = isTaken(call, no);
        const [standing] = await (erasing ?? between ?? erase());
        await Promise.all(sending);
        return { call, standing, isArchived: await isArchived };
      }),
    );
    for (const { call, isArchived, standing } of ends) {
      const [now] = await sessionStandings(scene.app.engine, scene.app.caller(), [call.session]);
      const found = await standingsOf(eventsOf(call));
      if (standing === 'purging') expect([now?.kind === 'call', found]).toEqual([false, [[], []]]);
      else expect([standing, isArchived, found]).toEqual(['not_found', true, [['complete'], ['complete']]]);
    }
  }
});
