import type { Act, ActOf } from './acts.ts';
import { abandoned, archiveRules, destroyUpload, plays } from './rules-archive.ts';
import { eraseRules, shred, verify } from './rules-erase.ts';
import type { Here, Step } from './step.ts';
import { factsOf, nameOf } from './universe.ts';
import { byPhone, bySession, numberOf, stoneBySession } from './world.ts';

/** A recording is sealed, and read, in segments of this size. */
const pieceBytes = 64 * 1024;

type Rules = { readonly [Do in Act['do']]: readonly Step<ActOf<Do>>[] };

const rules: Rules = {
  ...archiveRules,
  ...eraseRules,
  hold: [placeHold],
  release: [release],
  status: [status],
  play: [beginPlaying, play],
  open: [open],
  drain: [drain],
  find: [find],
  upkeep: [listAbandoned, sweep, dropStones],
  work: [work],
};

/** The steps of an act. */
export function stepsOf(act: Act): readonly Step<Act>[] {
  // Each rule is found by the kind of act that it is for.
  return rules[act.do] as readonly Step<Act>[];
}

function placeHold({ world, act, local }: Here<ActOf<'hold'>>): undefined {
  const { no, tenant, ids, phone, range } = act;
  world.holds.push({ no, tenant, nos: ids.flatMap((id) => numberOf(world, id) ?? []), phone, range, isActive: true });
  local.answer = { hold: { $ref: no } };
}

function release({ world, act, local }: Here<ActOf<'release'>>): undefined {
  const hold = world.holds.find((one) => one.no === numberOf(world, act.id) && one.tenant === act.tenant);
  if (hold) hold.isActive = false;
  local.answer = hold ? { released: true } : { error: 'hold_not_found' };
}

/** Sessions one by one, each in two looks: for a call, then for a tombstone. */
function status({ world, act, local }: Here<ActOf<'status'>>): 'stay' | undefined {
  const told = Array.isArray(local.answer) ? local.answer : [];
  const session = act.sessions[told.length] ?? '';
  const call = bySession(world, act.tenant, session);
  const stone = stoneBySession(world, act.tenant, session);
  const erased = stone && { standing: stone.month === null ? 'erasing' : 'gone', id: { $ref: stone.no } };
  const found = call && { standing: call.state, id: { $ref: call.no } };
  local.answer = [...told, found ?? erased ?? { standing: 'unknown', id: null }];
  return told.length + 1 < act.sessions.length ? 'stay' : undefined;
}

const notFound = { error: 'recording_not_found' };

function beginPlaying({ world, act, local }: Here<ActOf<'play'>>): 'end' | undefined {
  const call = plays(world, act.tenant, numberOf(world, act.id));
  local.answer = call ? { plays: nameOf(call.content) } : notFound;
  return call ? undefined : 'end';
}

/** Erased while it is read: whole or cut. */
function play({ world, act, local }: Here<ActOf<'play'>>): undefined {
  const call = plays(world, act.tenant, numberOf(world, act.id));
  if (!call && local.answer !== undefined) local.answer = { $any: [local.answer, notFound] };
}

function open({ world, act, local }: Here<ActOf<'open'>>): undefined {
  const call = plays(world, act.tenant, numberOf(world, act.id));
  const { handle: no, tenant } = act;
  if (call) world.downloads.push({ no, tenant, call: call.no, hasPieces: factsOf(call.content).bytes > pieceBytes });
  local.answer = call ? { isOpen: true } : notFound;
}

/** A download in several pieces is cut when its recording was erased meanwhile; what came in one piece is whole. */
function drain({ world, act, local }: Here<ActOf<'drain'>>): undefined {
  const download = world.downloads.find((one) => one.no === act.handle);
  world.downloads = world.downloads.filter((one) => one !== download);
  const isThere = plays(world, download?.tenant ?? 0, download?.call) !== undefined;
  local.answer = { content: isThere || !download?.hasPieces ? 'whole' : 'cut' };
}

function find({ world, act, local }: Here<ActOf<'find'>>): undefined {
  local.answer = { found: { $set: byPhone(world, act.tenant, act.phone).map((call) => ({ $ref: call.no })) } };
}

function listAbandoned({ world, local }: Here<ActOf<'upkeep'>>): undefined {
  local.nos = abandoned(world);
}

function sweep({ world, local }: Here<ActOf<'upkeep'>>): 'stay' | undefined {
  const [no, ...rest] = local.nos ?? [];
  if (no === undefined) return undefined;
  destroyUpload(world, no);
  local.nos = rest;
  return rest.length > 0 ? 'stay' : undefined;
}

/** Tombstones live for less than a month here. */
function dropStones({ world, local }: Here<ActOf<'upkeep'>>): undefined {
  world.stones = world.stones.filter((stone) => stone.month === null || stone.month === world.month);
  local.answer = { done: true };
}

/** Whatever an erasure has left to do is tried once. */
function work({ world, local }: Here<ActOf<'work'>>): 'stay' | undefined {
  local.nos ??= world.erasures.map((erasure) => erasure.no);
  const [no, ...rest] = local.nos;
  const erasure = world.erasures.find((one) => one.no === no);
  if (erasure) {
    shred(world, erasure);
    verify(world, erasure);
  }
  local.nos = rest;
  local.answer = { done: true };
  return rest.length > 0 ? 'stay' : undefined;
}
