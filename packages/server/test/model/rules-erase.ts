import type { ErasureAction } from '../../src/model/erasure.ts';
import type { Act, ActOf } from './acts.ts';
import type { Predicted } from './agreement.ts';
import type { Here, Named, Step } from './step.ts';
import {
  byPhone,
  bySession,
  callOf,
  isHeld,
  isOver,
  isPurging,
  type ModelErasure,
  numberOf,
  reachOf,
  removeCall,
  stoneBySession,
  type World,
} from './world.ts';

type Purge = ActOf<'purge'>;
type Erase = ActOf<'erase'>;

/** The steps of erasures. The last comes by itself, some time after the answer. */
export const eraseRules: { purge: readonly Step<Purge>[]; erase: readonly Step<Erase>[] } = {
  purge: [find, lookUpFound, seePurging, seeHeld, startPurge, readSessions, shredMine, answerPurge, verifyMine],
  erase: [findComplete, seeHeld, startErase, shredMine, verifyMine, answerErase],
};

/**
 * Where among its steps an erasure stands at a fault point: it has done those before `from`, and none from `to` on.
 * Undefined for points that say nothing of it.
 */
export function standingAt(point: string, act: Act): { from: number; to: number } | undefined {
  if (act.do !== 'purge' && act.do !== 'erase') return undefined;
  const steps: readonly unknown[] = eraseRules[act.do];
  const start = steps.findIndex((step) => step === startPurge || step === startErase);
  if (point === 'erase:planned') return { from: start, to: start };
  if (point === 'erase:gated') return { from: start + 1, to: start + 1 };
  if (!/^(erase:shredded|remove:|verify:looked)/.test(point)) return undefined;
  return { from: steps.indexOf(shredMine) + 1, to: steps.indexOf(verifyMine) };
}

/** Sessions are looked up one by one; ids and phones all at once. */
function find({ world, act, local }: Here<Purge>): 'stay' | undefined {
  const { tenant, subject } = act;
  local.named ??= [];
  switch (subject.by) {
    case 'calls':
      local.named = subject.ids.map((id) => ({ ...byNumber(world, tenant, numberOf(world, id)), asked: id }));
      return undefined;
    case 'phone':
      local.nos = byPhone(world, tenant, subject.phone).map((call) => call.no);
      return undefined;
    case 'sessions': {
      const session = subject.ids[local.named.length];
      if (session === undefined) return undefined;
      const call = bySession(world, tenant, session);
      local.named.push(call ? { is: 'call', no: call.no, asked: session } : byStone(world, tenant, session));
      return local.named.length < subject.ids.length ? 'stay' : undefined;
    }
  }
}

function byStone(world: World, tenant: number, session: string): Named {
  const stone = stoneBySession(world, tenant, session);
  return { ...(stone ? byNumber(world, tenant, stone.no) : unknown), asked: session };
}

const unknown = { is: 'unknown', no: null } as const;

function byNumber(world: World, tenant: number, no: number | undefined): Pick<Named, 'is' | 'no'> {
  if (no === undefined) return unknown;
  if (callOf(world, no, tenant)) return { is: 'call', no };
  const stone = world.stones.find((one) => one.no === no && one.tenant === tenant);
  if (stone === undefined) return unknown;
  return { is: stone.month === null ? 'erasing' : 'gone', no };
}

function lookUpFound({ world, act, local }: Here<Purge>): undefined {
  if (act.subject.by !== 'phone') return;
  const found = (local.nos ?? []).map((no): Named => ({ ...byNumber(world, act.tenant, no), asked: null }));
  local.named = found.filter((named) => named.is !== 'unknown');
}

function seePurging({ world, local }: Here<Purge>): undefined {
  const nos = new Set((local.named ?? []).flatMap((one) => (one.is === 'call' && one.no !== null ? [one.no] : [])));
  local.purging = [...nos].filter((no) => isPurging(world, no));
  local.nos = [...nos].filter((no) => !isPurging(world, no));
}

function seeHeld({ world, act, local }: Here<Purge | Erase>): undefined {
  local.held = (local.nos ?? []).filter((no) => isHeld(world, act.tenant, no));
}

function startPurge({ world, act, local }: Here<Purge>): undefined {
  if (!act.isWhatIf) start(world, act, local, { action: 'purge', keepRecording: false });
}

function startErase({ world, act, local }: Here<Erase>): undefined {
  start(world, act, local, act);
}

type What = { action: ErasureAction; keepRecording: boolean };

/** The gate: from here on nothing returns what the action takes. */
function start(world: World, { no, tenant }: Purge | Erase, local: Here<unknown>['local'], what: What): void {
  const free = (local.nos ?? []).filter((call) => !local.held?.includes(call));
  if (free.length === 0) return;
  const items = free.map((call) => ({ call, state: 'planned' as const }));
  world.erasures.push({ no, tenant, action: what.action, keepRecording: what.keepRecording, items });
}

/** What a purge tells of a call besides its id, read while it can be. */
function readSessions({ world, local, act }: Here<Purge>): undefined {
  local.sessions = {};
  if (act.subject.by === 'sessions') return;
  for (const no of [...(local.nos ?? []), ...(local.purging ?? [])]) {
    const call = callOf(world, no);
    if (call?.state === 'complete' && call.has.includes('correlation')) local.sessions[no] = call.content.session;
  }
}

function shredMine({ world, act, local }: Here<Purge | Erase>): undefined {
  const mine = world.erasures.find((erasure) => erasure.no === act.no);
  if (mine === undefined) return;
  local.outcomes = shred(world, mine);
  for (const item of mine.items) if (item.state === 'held') local.held?.push(item.call);
}

/** Destroys what an erasure's planned items reach, but for those under hold. Tells for each what came of it. */
export function shred(world: World, erasure: ModelErasure): Record<number, string> {
  const outcomes: Record<number, string> = {};
  for (const item of erasure.items.filter((one) => one.state === 'planned')) {
    const isLeft = isHeld(world, erasure.tenant, item.call);
    item.state = isLeft ? 'held' : 'shredded';
    outcomes[item.call] = isLeft ? 'held' : shredCall(world, erasure, item.call);
  }
  return outcomes;
}

function shredCall(world: World, erasure: ModelErasure, no: number): string {
  const call = callOf(world, no, erasure.tenant);
  if (call === undefined) return 'already_erased';
  const reach = reachOf(erasure);
  // Where there is no recording, that none may come is what was done.
  const isMuting = reach.includes('recording') && !call.isMuted;
  const isSome = isMuting || call.has.some((one) => reach.includes(one));
  call.has = call.has.filter((one) => !reach.includes(one));
  if (erasure.action !== 'delete-recording') call.isPersonal = false;
  if (isMuting) call.isMuted = true;
  if (erasure.action !== 'purge') return isSome ? 'erased' : 'already_erased';
  const { tenant, content } = call;
  if (call.isNamed) world.stones.push({ no, tenant, content, month: null });
  call.isNamed = false;
  if (call.state === 'complete') removeCall(world, no);
  else call.state = 'doomed';
  return isSome ? 'erased' : 'already_erased';
}

function answerPurge({ act, local }: Here<Purge>): undefined {
  const items = (local.named ?? []).map((named) => itemOf(act, local, named));
  local.answer = act.subject.by === 'phone' ? { items: { $set: items } } : { items };
}

function itemOf(act: Purge, local: Here<unknown>['local'], { is, no, asked }: Named): Predicted {
  const isKnown = is === 'call' || is === 'erasing';
  const callId = act.subject.by === 'calls' ? asked : isKnown && no !== null ? { $ref: no } : null;
  const known = no === null ? null : (local.sessions?.[no] ?? null);
  return {
    callId,
    sessionId: act.subject.by === 'sessions' ? asked : known,
    standing: standingOf(act, local, { is, no }),
  };
}

function standingOf(act: Purge, local: Here<unknown>['local'], { is, no }: Pick<Named, 'is' | 'no'>): string {
  if (is === 'erasing') return 'purging';
  if (is !== 'call' || no === null) return 'not_found';
  if (local.held?.includes(no)) return 'held';
  return act.isWhatIf && !local.purging?.includes(no) ? 'would_purge' : 'purging';
}

function verifyMine({ world, act }: Here<Purge | Erase>): undefined {
  const mine = world.erasures.find((erasure) => erasure.no === act.no);
  if (mine !== undefined) verify(world, mine);
}

/** What is shredded is looked for and found gone, unless its uploader may still bring bytes. */
export function verify(world: World, erasure: ModelErasure): void {
  for (const item of erasure.items) {
    if (item.state !== 'shredded') continue;
    const call = callOf(world, item.call, erasure.tenant);
    if (call?.state === 'doomed' && !isOver(world, call)) continue;
    if (call?.state === 'doomed') removeCall(world, call.no);
    const stone = world.stones.find((one) => one.no === item.call);
    if (stone) stone.month ??= world.month;
    item.state = 'verified';
  }
  const isDone = erasure.items.every((item) => item.state === 'verified' || item.state === 'held');
  if (isDone) world.erasures = world.erasures.filter((one) => one !== erasure);
}

/** As a surface does: what has not been archived yet is not named to this verb. */
function findComplete({ world, act, local }: Here<Erase>): undefined {
  const nos = act.ids.flatMap((id) => numberOf(world, id) ?? []);
  local.nos = [...new Set(nos)].filter((no) => callOf(world, no, act.tenant)?.state === 'complete');
}

function answerErase({ local }: Here<Erase>): undefined {
  const outcomes = Object.entries(local.outcomes ?? {}).map(([no, outcome]) => ({ id: { $ref: Number(no) }, outcome }));
  const refused = (local.held ?? []).filter((no) => local.outcomes?.[no] === undefined);
  local.answer = { held: { $set: refused.map((no) => ({ $ref: no })) }, items: { $set: outcomes } };
}
