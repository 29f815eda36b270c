/** What the life brings to calls that are archived already, and what must hold of it after a death. */
import { expect } from 'vitest';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import { type CallChange, changeCall } from '../../src/engine/calls/change-call.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { readCall } from '../../src/engine/calls/read-call.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { codeOf } from '../../src/model/errors.ts';
import { spokenOnce } from '../support/spoken.ts';
import { audio, chunksOf, type Deed, type LifeCall, recordingOf } from './life.ts';

/** Calls that come without a recording, by what comes later. */
export const lateCast = {
  voiced: { session: 'voiced', phone: '+15125550120', bytes: 0 },
  /** The line breaks in the middle of its recording. */
  muffled: { session: 'muffled', phone: '+15125550121', bytes: 0 },
  /** Its recording is deleted while it is on its way. */
  overtaken: { session: 'overtaken', phone: '+15125550122', bytes: 0 },
} as const satisfies Record<string, LifeCall>;

/** What comes, in this order: the second change replaces all that the first one says. */
export type Addition = 'recording' | 'first' | 'second';

export const changes = {
  first: { details: { results: 'first' }, transcript: spokenOnce('first') },
  second: { details: { results: 'second' }, transcript: spokenOnce('second') },
} as const satisfies Record<string, CallChange>;

export function lateArtifactOf({ session }: LifeCall): Buffer {
  return recordingOf({ session, phone: '', bytes: 80_000 });
}

/** Brings it, as a client that may have brought it before. */
export async function add(engine: Engine, caller: Caller, callId: string, what: Addition, call: LifeCall) {
  if (what !== 'recording') return await changeCall(engine, caller, callId, changes[what]);
  await storeLateRecording(engine, caller, callId, chunksOf(lateArtifactOf(call)), audio);
}

/** A deed that was told to have begun is done or not begun; one that was told to have ended is done. */
function isPossible(deeds: readonly Deed[], call: LifeCall, what: Addition, isThere: boolean): boolean {
  const has = (did: 'adding' | 'added') =>
    deeds.some((deed) => deed.did === did && deed.to === call.session && deed.what === what);
  return isThere ? has('adding') : !has('added');
}

/** Each addition is there as a whole or not at all, and can come again unless its call was erased meanwhile. */
export async function expectLate(engine: Engine, caller: Caller, deeds: readonly Deed[]): Promise<void> {
  for (const call of Object.values(lateCast)) {
    const [found] = await sessionStandings(engine, caller, [call.session]);
    if (found?.kind !== 'call') {
      expect(deeds, call.session).not.toContainEqual({ did: 'archived', session: call.session });
      continue;
    }
    const callId = found.call.id;
    const heard = await heardOf(engine, caller, callId);
    if (heard !== undefined) expect(heard.equals(lateArtifactOf(call)), `the recording of ${call.session}`).toBe(true);
    expect(isPossible(deeds, call, 'recording', heard !== undefined), call.session).toBe(true);
    await expectWords(engine, caller, deeds, { call, callId });
    await expectAgain(engine, caller, { call, callId }, refusals(call, deeds));
  }
}

type Of = { call: LifeCall; callId: string };

async function expectWords(engine: Engine, caller: Caller, deeds: readonly Deed[], { call, callId }: Of) {
  const { details, transcript } = await readCall(engine, caller, callId);
  const said = { results: details?.['results'], text: transcript?.turns[0]?.text };
  expect(said.results, `details and transcript of ${call.session} changed in one commit`).toBe(said.text);
  expect([undefined, 'first', 'second']).toContain(said.text);
  expect(isPossible(deeds, call, 'second', said.text === 'second'), said.text).toBe(true);
  if (said.text !== 'second') expect(isPossible(deeds, call, 'first', said.text === 'first'), said.text).toBe(true);
}

/** What a recording may be told that comes again: an erasure that was told to have begun may not have been. */
function refusals(call: LifeCall, deeds: readonly Deed[]): (string | undefined)[] {
  const has = (did: 'erasing' | 'erased') =>
    deeds.some((deed) => deed.did === did && deed.sessions.includes(call.session));
  if (has('erased')) return ['recording_erased'];
  return has('erasing') ? ['recording_erased', undefined] : [undefined];
}

async function expectAgain(engine: Engine, caller: Caller, { call, callId }: Of, codes: readonly unknown[]) {
  await add(engine, caller, callId, 'second', call);
  expect(await readCall(engine, caller, callId)).toMatchObject(changes.second);
  const code = await add(engine, caller, callId, 'recording', call).then(() => undefined, codeOf);
  expect(codes, call.session).toContain(code);
  const heard = await heardOf(engine, caller, callId);
  expect(heard?.equals(lateArtifactOf(call))).toBe(code === undefined ? true : undefined);
}

async function heardOf(engine: Engine, caller: Caller, callId: string): Promise<Buffer | undefined> {
  const opened = await openRecording(engine, caller, callId).catch((error: unknown) => {
    expect(codeOf(error)).toBe('recording_not_found');
    return undefined;
  });
  if (opened === undefined) return undefined;
  const plain: Buffer[] = [];
  for await (const chunk of opened.body(0, opened.sizeBytes)) plain.push(chunk);
  await opened.close();
  return Buffer.concat(plain);
}
