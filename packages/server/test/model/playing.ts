import { expect } from 'vitest';
import { Prng } from '../attacker/prng.ts';
import { type Failure, failureOf, type Tally } from './history.ts';
import { type History, historyOf } from './operations.ts';
import { shortest } from './shorten.ts';

/** `MODEL_HISTORIES=20000` plays more; `MODEL_SEED=7` plays that one alone. */
const histories = Number(process.env['MODEL_HISTORIES'] ?? 250);
const onlySeed = process.env['MODEL_SEED'];

/** Longest that any number of histories takes. */
export const playingMsMax = 12 * 3_600_000;

/** The seeds of one of two test files, which run side by side. */
export function seedsOf(half: 'odd' | 'even'): number[] {
  const isMine = (seed: number) => (seed % 2 === 1) === (half === 'odd');
  if (onlySeed !== undefined) return [Number(onlySeed)].filter(isMine);
  return Array.from({ length: histories }, (_, i) => i + 1).filter(isMine);
}

/** Plays the histories of these seeds; fails with the shortest history that it can make of the first that fails. */
export async function expectExplained(seeds: readonly number[]): Promise<Tally> {
  const tally: Tally = new Map();
  for (const seed of seeds) {
    const history = historyOf(new Prng(seed), seed);
    const { failure, tally: counted } = await failureOf(history);
    if (failure !== undefined) throw new Error(await reportOf(seed, history, failure));
    for (const [word, times] of counted) tally.set(word, (tally.get(word) ?? 0) + times);
  }
  return tally;
}

async function reportOf(seed: number, history: History, failure: Failure): Promise<string> {
  const short = await shortest(history, failure);
  return [
    `MODEL_SEED=${seed}: ${failure.what}`,
    `The shortest history found has ${short.history.operations.length} of ${history.operations.length} operations:`,
    ...short.history.operations.map((operation) => JSON.stringify(operation)),
    'What was asked and answered:',
    ...short.failure.told,
    `What differed: ${short.failure.what}`,
  ].join('\n');
}

/** Every kind of answer that histories must come by, or the model has had nothing to say about it. */
const words = [
  'already_erased',
  'begun',
  'call_erased',
  'complete',
  'cut',
  'died',
  'erased',
  'erasing',
  'gone',
  'held',
  'hold_not_found',
  'isNew:false',
  'isNew:true',
  'not_found',
  'plays',
  'purging',
  'recording_not_found',
  'session_taken',
  'unknown',
  'upload_busy',
  'upload_cut',
  'uploading',
  'whole',
  'would_purge',
];

/** A test that demands nothing proves nothing. */
export function expectEverythingMet(tally: Tally, times: number): void {
  const seldom = words.filter((word) => (tally.get(word) ?? 0) < times);
  expect(seldom, 'answers that were met too seldom').toEqual([]);
}
