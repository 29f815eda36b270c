/** Metadata that the life sends apart from its calls, and what must hold of it after a death. */
import { expect } from 'vitest';
import { openJson } from '../../src/engine/artifacts.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { readCall } from '../../src/engine/calls/read-call.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { addEvent, type EventEnd } from '../../src/engine/events/add-event.ts';
import { eventsOfCall } from '../../src/engine/events/events-of-call.ts';
import type { LateMetadata } from '../../src/engine/events/sealed-event.ts';
import type { Call } from '../../src/model/call.ts';
import { cast, type Deed, type LifeCall, type Standing } from './life.ts';

/** One event: its field says when it came, before its call or after. */
export type LifeEvent = { call: LifeCall; field: 'early' | 'late' };

/** What is sent before any call has come. */
export const earlyEvents: readonly LifeEvent[] = [
  cast.kept,
  cast.purgedChat,
  cast.aborted,
  cast.underWay,
  cast.foretold,
  cast.awaited,
].map((call) => ({ call, field: 'early' }));

/** What is sent once the calls have come, and (of `underWay`) while one is on its way. */
export const lateEvents: readonly LifeEvent[] = [
  cast.kept,
  cast.keptChat,
  cast.purged,
  cast.held,
  cast.depersonalized,
  cast.muted,
  cast.underWay,
].map((call) => ({ call, field: 'late' }));

/** What an event says: no other says the same. */
export function wordsOf({ call, field }: LifeEvent): string {
  return `what came ${field} of ${call.session}`;
}

export async function sendEvent(engine: Engine, caller: Caller, event: LifeEvent): Promise<EventEnd> {
  const subject = { kind: 'session', value: event.call.session } as const;
  return await addEvent(engine, caller, subject, { at: 1, metadata: { [event.field]: wordsOf(event) } });
}

/** What is known of events: those begun to be sent, and of these the ones that were answered. */
export type Told = { begun: ReadonlySet<LifeEvent>; answered: ReadonlySet<LifeEvent> };

/** What a life has written down of its events. */
export function toldBy(deeds: readonly Deed[]): Told {
  const words = (did: Deed['did']) =>
    new Set(deeds.flatMap((deed) => (deed.did === did && 'event' in deed ? deed.event : [])));
  const [sending, sent] = [words('sending'), words('sent')];
  const all = [...earlyEvents, ...lateEvents];
  return {
    begun: new Set(all.filter((event) => sending.has(wordsOf(event)))),
    answered: new Set(all.filter((event) => sent.has(wordsOf(event)))),
  };
}

function begunOf(call: LifeCall, { begun }: Told): LifeEvent[] {
  return [...begun].filter((event) => event.call === call);
}

/** Every event that can be opened, wherever it is, by what it says: the calls that it is with. */
export async function openedEvents(engine: Engine): Promise<Map<string, Call[]>> {
  const { reads } = engine.store;
  const opened = new Map<string, Call[]>();
  for (const call of await reads.calls.page('', 10_000)) {
    for (const { metadata } of await eventsAt(engine, call)) {
      for (const words of Object.values(metadata).map(String)) opened.set(words, [...(opened.get(words) ?? []), call]);
    }
  }
  return opened;
}

async function eventsAt(engine: Engine, call: Call): Promise<readonly LateMetadata[]> {
  const details = await engine.store.reads.artifacts.find(call.id, 'details');
  if (!details?.sealed) return [];
  if (call.status !== 'awaited') return (await eventsOfCall(engine, details)).events;
  return [(await openJson<{ late: LateMetadata }>(engine, details)).late];
}

/** Where an event is once its call stands so. */
const places: Record<Standing, readonly Call['status'][]> = {
  absent: ['awaited'],
  whole: ['complete'],
  muted: ['complete'],
  depersonalized: [],
  gone: [],
};

/**
 * An event that was answered is there once; one that was not is there once or not at all. It is with its call, or waits
 * for it; where its call's details were erased nobody can open it.
 */
export async function expectEvents(engine: Engine, call: LifeCall, standing: Standing, told: Told): Promise<void> {
  const opened = await openedEvents(engine);
  for (const event of begunOf(call, told)) {
    const found = (opened.get(wordsOf(event)) ?? []).map((one) => one.status);
    const possible = told.answered.has(event) ? [places[standing]] : [places[standing], []];
    expect(possible, `${wordsOf(event)}, which is ${standing}`).toContainEqual(found);
  }
}

/**
 * A client that heard nothing sends its event again: then its call has it, once, beside its others; or it is dropped.
 * Of a call that has come or was erased.
 */
export async function expectEventsAgain(
  engine: Engine,
  caller: Caller,
  call: LifeCall,
  standing: Exclude<Standing, 'absent'>,
  told: Told,
): Promise<void> {
  const begun = begunOf(call, told);
  const before = await openedEvents(engine);
  const isTaken = places[standing].length > 0;
  for (const event of begun.filter((one) => !before.has(wordsOf(one)))) {
    expect(await sendEvent(engine, caller, event), wordsOf(event)).toBe(isTaken ? 'applied' : 'dropped');
  }
  const after = await openedEvents(engine);
  for (const event of begun) {
    const found = (after.get(wordsOf(event)) ?? []).map((one) => one.status);
    expect(found, `${wordsOf(event)}, sent again`).toEqual(places[standing]);
  }
  const [found] = await sessionStandings(engine, caller, [call.session]);
  if (!isTaken || found?.kind !== 'call') return;
  const { details } = await readCall(engine, caller, found.call.id);
  const metadata = Object.fromEntries(begun.map((event) => [event.field, wordsOf(event)]));
  expect(details?.['metadata'] ?? {}, `metadata of ${call.session}`).toEqual(metadata);
}
