import type { Prng } from '../attacker/prng.ts';
import { phones, ranges, sessions, variants } from './universe.ts';

/** One request. Numbers choose among what is there when it comes, so that any part of a history is a history too. */
export type Deed =
  | { do: 'upload' | 'begin'; tenant: number; session: number; variant: number; isDataFirst: boolean }
  | { do: 'finish' | 'abort' | 'drain'; which: number }
  | { do: 'purge-calls' | 'purge-sessions'; tenant: number; names: number[]; isWhatIf: boolean }
  | { do: 'purge-phone'; tenant: number; phone: number; form: number; isWhatIf: boolean }
  | {
      do: 'erase';
      tenant: number;
      action: 'depersonalize' | 'delete-recording';
      keepRecording: boolean;
      names: number[];
    }
  | { do: 'hold'; tenant: number; names: number[]; phone: number | null; range: number }
  | { do: 'release'; tenant: number; which: number }
  | { do: 'status'; tenant: number; names: number[] }
  | { do: 'play'; tenant: number; call: number; from: number; part: number }
  | { do: 'open'; tenant: number; call: number }
  | { do: 'find'; tenant: number; phone: number; form: number }
  | { do: 'upkeep' | 'work' };

/** What happens next. `by` is which of two processes does it. */
export type Operation =
  | { op: 'one'; by: number; deed: Deed }
  | { op: 'together'; by: number[]; deeds: Deed[] }
  /** The second deed is done while the first stands at a fault point, outside of any transaction or queue. */
  | { op: 'during'; by: number; point: string; deeds: [Deed, Deed] }
  /** The process dies at the given step of these deeds, or after them. */
  | { op: 'crash'; by: number; at: number; deeds: Deed[] }
  | { op: 'restart'; by: number }
  | { op: 'lapse'; how: 'minute' | 'hour' | 'month' };

/** A whole history. */
export type History = { processes: 1 | 2; operations: Operation[] };

/** Every so many seeds comes a history of the greatest length. */
const longEvery = 50;
const longest = 200;

/** The history of a seed. */
export function historyOf(rng: Prng, seed: number): History {
  const length = seed % longEvery === 0 ? longest : 6 + rng.below(26);
  const processes = rng.chance(0.3) ? 2 : 1;
  const operations: Operation[] = [];
  while (operations.length < length) operations.push(...some(rng, processes));
  return { processes, operations };
}

const points = [
  'archive:slots-taken',
  'archive:named',
  'archive:bytes-stored',
  'archive:sealed',
  'archive:finished',
  'archive:abandoned',
  'erase:planned',
  'erase:gated',
  'erase:shredded',
  'remove:bytes-erased',
  'remove:recorded',
  'verify:looked',
  'hold:placed',
] as const;

/** Where an erasure may be met by something, the instants before its keys are destroyed more often. */
const erasingPoints = [
  'erase:planned',
  'erase:planned',
  'erase:gated',
  'erase:gated',
  ...points.filter((point) => /^(erase|remove|verify):/.test(point)),
];

function some(rng: Prng, processes: number): Operation[] {
  const dice = rng.below(100);
  const by = rng.below(processes);
  if (dice < 3) return chased(rng, by);
  if (dice < 5) return abandoned(rng, by);
  return dice < 10 ? aimed(rng, by) : [operation(rng, processes)];
}

/** An upload whose client comes back when its lease has ended, maybe after a sweep. */
function abandoned(rng: Prng, by: number): Operation[] {
  const begin: Operation = { op: 'one', by, deed: { ...newUpload(rng), do: 'begin' } };
  const swept: Operation[] = rng.chance(0.7) ? [{ op: 'one', by, deed: { do: 'upkeep' } }] : [];
  return [begin, { op: 'lapse', how: 'hour' }, ...swept, { op: 'one', by, deed: { do: 'finish', which: 0 } }];
}

/** A download that an erasure comes after. */
function chased(rng: Prng, by: number): Operation[] {
  const [tenant, call] = [rng.below(2), 0];
  const what = rng.pick<Deed>([
    { do: 'purge-calls', tenant, names: [call], isWhatIf: false },
    { do: 'erase', tenant, action: 'delete-recording', keepRecording: false, names: [call] },
    { do: 'erase', tenant, action: 'depersonalize', keepRecording: true, names: [call] },
  ]);
  const fresh: Deed = { ...newUpload(rng), do: 'upload', tenant };
  const deeds: Deed[] = [fresh, { do: 'open', tenant, call }, what, { do: 'drain', which: 0 }];
  return deeds.map((deed) => ({ op: 'one', by, deed }));
}

function operation(rng: Prng, processes: number): Operation {
  const by = rng.below(processes);
  const dice = rng.below(100);
  if (dice < 67) return { op: 'one', by, deed: deed(rng) };
  if (dice < 79) {
    const deeds = Array.from({ length: rng.chance(0.7) ? 2 : 3 }, () => concurrent(rng));
    return { op: 'together', by: deeds.map(() => rng.below(processes)), deeds };
  }
  if (dice < 83) return during(rng, by);
  if (dice < 88) return { op: 'lapse', how: rng.pick(['minute', 'hour', 'hour', 'hour', 'month'] as const) };
  if (dice < 91) return { op: 'restart', by };
  const deeds = Array.from({ length: 1 + rng.below(2) }, () => concurrent(rng));
  return { op: 'crash', by, at: rng.below(rng.chance(0.5) ? 8 : 45), deeds };
}

function during(rng: Prng, by: number): Operation {
  return { op: 'during', by, point: rng.pick(points), deeds: [concurrent(rng), concurrent(rng)] };
}

/** Something that concerns just the call, or the session, that an erasure is busy with. */
function aimed(rng: Prng, by: number): Operation[] {
  const [tenant, call, session] = [rng.below(2), 0, rng.below(sessions.length)];
  const keepRecording = rng.chance(0.3);
  const byCall: [Deed, Deed][] = [
    [{ do: 'purge-calls', tenant, names: [call], isWhatIf: false }, asking(rng, tenant, call)],
    [{ do: 'erase', tenant, action: 'depersonalize', keepRecording, names: [call] }, asking(rng, tenant, call)],
  ];
  const upload: Deed = { ...newUpload(rng), do: 'upload', tenant, session };
  const purgeIt: Deed = { do: 'purge-sessions', tenant, names: [session], isWhatIf: false };
  const bySession: [Deed, Deed][] = [
    [purgeIt, upload],
    [upload, purgeIt],
    [purgeIt, { do: 'status', tenant, names: [session] }],
  ];
  const deeds = rng.pick([...byCall, ...byCall, ...bySession]);
  const point = rng.pick(deeds[0].do === 'upload' ? points : erasingPoints);
  return [
    { op: 'one', by, deed: { ...newUpload(rng), do: 'upload', tenant, session } },
    { op: 'during', by, point, deeds },
  ];
}

function asking(rng: Prng, tenant: number, call: number): Deed {
  return rng.pick<Deed>([
    { do: 'hold', tenant, names: [call], phone: null, range: 0 },
    { do: 'hold', tenant, names: [call], phone: null, range: 0 },
    { do: 'play', tenant, call, from: rng.next(), part: rng.next() },
    { do: 'purge-calls', tenant, names: [call], isWhatIf: rng.chance(0.3) },
    { do: 'erase', tenant, action: 'delete-recording', keepRecording: false, names: [call] },
  ]);
}

function deed(rng: Prng): Deed {
  const dice = rng.below(100);
  if (dice < 12) return { ...newUpload(rng), do: 'begin' };
  if (dice < 20) return { do: 'open', tenant: rng.below(2), call: rng.below(5) };
  if (dice < 26) return { do: 'drain', which: rng.below(4) };
  if (dice < 30) return { do: 'work' };
  return concurrent(rng);
}

/** Deeds that may run side by side with others. */
function concurrent(rng: Prng): Deed {
  const dice = rng.below(100);
  if (dice < 26) return { ...newUpload(rng), do: 'upload' };
  if (dice < 36) return { do: 'finish', which: rng.below(4) };
  if (dice < 40) return { do: 'abort', which: rng.below(4) };
  if (dice < 60) return purging(rng);
  if (dice < 69) {
    const action = rng.pick(['depersonalize', 'delete-recording'] as const);
    const keepRecording = action === 'depersonalize' && rng.chance(0.5);
    return { do: 'erase', tenant: rng.below(2), action, keepRecording, names: names(rng, 12) };
  }
  if (dice < 75) return holding(rng);
  if (dice < 81) return { do: 'release', tenant: rng.below(2), which: rng.below(4) };
  if (dice < 87) return { do: 'status', tenant: rng.below(2), names: names(rng, sessions.length + 1) };
  if (dice < 93) return { do: 'play', ...callOf(rng), from: rng.next(), part: rng.next() };
  if (dice < 96) return { do: 'find', tenant: rng.below(2), phone: rng.below(phones.length), form: rng.below(3) };
  return { do: 'upkeep' };
}

function newUpload(rng: Prng) {
  const session = rng.below(sessions.length);
  return { tenant: rng.below(2), session, variant: rng.below(variants), isDataFirst: rng.chance(0.25) };
}

function purging(rng: Prng): Deed {
  const [tenant, isWhatIf] = [rng.below(2), rng.chance(0.2)];
  switch (rng.below(3)) {
    case 0:
      return { do: 'purge-phone', tenant, phone: rng.below(phones.length), form: rng.below(3), isWhatIf };
    case 1:
      return { do: 'purge-sessions', tenant, names: names(rng, sessions.length + 1), isWhatIf };
    default:
      return { do: 'purge-calls', tenant, names: names(rng, 12), isWhatIf };
  }
}

function holding(rng: Prng): Deed {
  const isByPhone = rng.chance(0.5);
  return {
    do: 'hold',
    tenant: rng.below(2),
    names: isByPhone && rng.chance(0.8) ? [] : names(rng, 12),
    phone: isByPhone ? rng.below(phones.length) : null,
    range: rng.chance(0.5) ? 0 : rng.below(ranges.length),
  };
}

/** Calls are counted from the newest that a client has heard of, its own tenant's twice as often. */
function callOf(rng: Prng) {
  return { tenant: rng.below(2), call: rng.below(10) };
}

/** One to three, now and then one of them twice. */
function names(rng: Prng, end: number): number[] {
  return Array.from({ length: 1 + rng.below(3) }, () => rng.below(end));
}
