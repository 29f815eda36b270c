import type { ActOf } from './acts.ts';
import type { Predicted } from './agreement.ts';
import type { Here, Step } from './step.ts';
import { type Content, factsOf, nameOf } from './universe.ts';
import {
  type Artifact,
  bySession,
  callOf,
  forgetUpload,
  isGated,
  isOver,
  isPurging,
  type ModelCall,
  removeCall,
  stoneBySession,
  type World,
} from './world.ts';

type Uploading = ActOf<'upload' | 'begin' | 'finish' | 'abort'>;

/** The steps of uploads, one per transaction. */
export const archiveRules: { [Do in Uploading['do']]: readonly Step<ActOf<Do>>[] } = {
  upload: [reserve, describe, (here) => begun(here), compareTwin, finishUpload, giveUp],
  begin: [reserve, describe, (here) => begun(here) ?? opened(here)],
  finish: [resume, compareTwin, finishUpload, giveUp],
  abort: [resume, giveUp],
};

/** Audio that comes first gets a row before anybody knows whose it is. */
function reserve({ world, act }: Here<ActOf<'upload' | 'begin'>>): undefined {
  if (isNameless(act)) world.calls.push(newRow(world, act, ['recording', 'details', 'correlation']));
}

function isNameless({ isDataFirst, content }: ActOf<'upload' | 'begin'>): boolean {
  return isDataFirst && factsOf(content).kind === 'call';
}

function newRow(world: World, { handle, tenant, content }: ActOf<'upload' | 'begin'>, has: Artifact[]): ModelCall {
  const { hour } = world;
  const what = { no: handle, tenant, content, state: 'uploading' as const, has };
  return { ...what, isNamed: false, isPersonal: false, isMuted: false, startedAt: null, hour, isGivenUp: false };
}

function describe({ world, act, local }: Here<ActOf<'upload' | 'begin'>>): 'stay' | undefined {
  const { handle, tenant, content } = act;
  const row = callOf(world, handle);
  if (isNameless(act) && row === undefined) return refuse(local, 'upload_cut');
  const holder = bySession(world, tenant, content.session);
  if (holder !== undefined && !isPurging(world, holder.no)) {
    if (holder.state !== 'complete') return refuse(local, 'upload_busy');
    local.twin = holder.no;
    if (row) removeCall(world, handle);
    return undefined;
  }
  if (holder !== undefined || isErased(world, tenant, content)) return refuse(local, 'call_erased');
  if (row === undefined) world.calls.push(newRow(world, act, []));
  const named = callOf(world, handle);
  if (named === undefined) return undefined;
  // The row of audio that came first says when the call started only in the end.
  if (row === undefined) named.startedAt = factsOf(content).startedAt;
  named.has = artifactsOf(content);
  named.isNamed = true;
  named.isPersonal = true;
  return undefined;
}

function refuse(local: Here<unknown>['local'], error: string): undefined {
  local.answer = { error };
  return undefined;
}

/** A tombstone refuses its session, and its external id while no living call has that. */
function isErased(world: World, tenant: number, content: Content): boolean {
  if (stoneBySession(world, tenant, content.session)) return true;
  const { external } = factsOf(content);
  const hasExternal = (one: { tenant: number; content: Content }) =>
    external !== null && one.tenant === tenant && factsOf(one.content).external === external;
  const isLiving = world.calls.some((call) => call.isNamed && hasExternal(call));
  return !isLiving && world.stones.some(hasExternal);
}

function artifactsOf(content: Content): Artifact[] {
  const { kind, hasTranscript } = factsOf(content);
  const all: Artifact[] = ['recording', 'transcript', 'details', 'correlation'];
  return all.filter((one) => (one !== 'recording' || kind === 'call') && (one !== 'transcript' || hasTranscript));
}

/** The end of a beginning that was refused: what it left goes. */
function begun({ world, act, local }: Here<ActOf<'upload' | 'begin'>>): 'end' | undefined {
  if (local.answer === undefined) {
    const { handle, tenant, content } = act;
    world.uploads.push({ no: handle, tenant, content, twin: local.twin ?? null });
    return undefined;
  }
  destroyUpload(world, act.handle);
  return 'end';
}

function opened({ local }: Here<ActOf<'upload' | 'begin'>>): undefined {
  local.answer = { begun: true };
}

function resume({ world, act, local }: Here<Uploading>): 'end' | undefined {
  const upload = world.uploads.find((one) => one.no === act.handle);
  if (upload === undefined) {
    local.answer = { error: 'the model knows no such upload' };
    return 'end';
  }
  if (upload.twin !== null) local.twin = upload.twin;
  return undefined;
}

/** What was stored under the session is read, and compared only then; meanwhile it may go. */
function compareTwin({ world, act, local }: Here<Uploading>): undefined {
  const twin = callOf(world, local.twin);
  const mine = contentOf(world, act);
  if (local.twin === undefined || mine === undefined) return;
  local.compared = { has: [...(twin?.has ?? [])], isSame: twin !== undefined && isSame(twin, mine) };
}

/** The transcript is not compared. */
function isSame({ has, content }: Pick<ModelCall, 'has' | 'content'>, mine: Content): boolean {
  const hasRecording = factsOf(mine).kind === 'chat' || has.includes('recording');
  return nameOf(content) === nameOf(mine) && hasRecording && has.includes('details') && has.includes('correlation');
}

function contentOf(world: World, act: Uploading): Content | undefined {
  return world.uploads.find((one) => one.no === act.handle)?.content;
}

function finishUpload({ world, act, local }: Here<Uploading>): 'end' | undefined {
  if (local.compared !== undefined) {
    local.answer = compared({ world, act, local });
    forgetUpload(world, act.handle);
    return 'end';
  }
  const row = callOf(world, act.handle);
  if (row?.state !== 'uploading') {
    local.answer = { error: row === undefined ? 'upload_cut' : 'call_erased' };
    return undefined;
  }
  row.state = 'complete';
  row.startedAt = factsOf(row.content).startedAt;
  local.answer = { callId: { $ref: row.no }, isNew: true };
  forgetUpload(world, act.handle);
  return 'end';
}

function compared({ world, act, local }: Here<Uploading>): Predicted {
  const twin = callOf(world, local.twin);
  const mine = contentOf(world, act);
  const otherwise = { error: refusalOf(twin, mine) };
  if (!local.compared?.isSame || local.twin === undefined) return otherwise;
  const same = { callId: { $ref: local.twin }, isNew: false };
  return twin && mine && isSame(twin, mine) ? same : { $any: [same, otherwise] };
}

/** Where what there was to compare with was erased, that is what its uploader hears. */
function refusalOf(twin: ModelCall | undefined, mine: Content | undefined): string {
  if (twin === undefined || !twin.isPersonal) return 'call_erased';
  const hasRecording = mine !== undefined && factsOf(mine).kind === 'call';
  return twin.isMuted && hasRecording ? 'recording_erased' : 'session_taken';
}

/** An upload that ends without a call. */
function giveUp({ world, act, local }: Here<Uploading>): undefined {
  destroyUpload(world, act.handle);
  forgetUpload(world, act.handle);
  local.answer ??= { aborted: true };
}

/** One that a started purge is about to meet waits for it, so that a tombstone is left. */
export function destroyUpload(world: World, no: number): void {
  const row = callOf(world, no);
  if (row === undefined || row.state === 'complete') return;
  if (row.state === 'uploading' && isPurging(world, no)) row.isGivenUp = true;
  else removeCall(world, no);
}

/** True when the recording may be heard at this moment. */
export function plays(world: World, tenant: number, no: number | undefined): ModelCall | undefined {
  const call = callOf(world, no, tenant);
  if (call?.state !== 'complete' || !call.has.includes('recording')) return undefined;
  return isGated(world, call.no, 'recording') ? undefined : call;
}

/** Uploads that a sweep may destroy now, by number. */
export function abandoned(world: World): number[] {
  return world.calls.filter((call) => call.state !== 'complete' && isOver(world, call)).map((call) => call.no);
}
