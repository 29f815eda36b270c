import { describe, expect, test } from 'vitest';
import { Prng } from '../attacker/prng.ts';
import { defects } from './defects.ts';
import { failureOf } from './history.ts';
import { type History, historyOf } from './operations.ts';
import { shortest } from './shorten.ts';
import type { Spoiling } from './verbs.ts';

/** Random histories that a defect may survive before it counts as not found. */
const seedsMax = 60;

describe('the model test fails when', () => {
  test.each(defects)('$name', { timeout: 300_000 }, async (defect) => {
    const history = await killerOf(defect);
    const { failure } = await failureOf(history);
    expect(failure, 'the same history without the defect').toBeUndefined();
  });

  test('and tells the shortest history that it can find', { timeout: 300_000 }, async () => {
    const [defect] = defects.filter(({ name }) => name.startsWith('a what-if purges'));
    const history = await killerOf(defect ?? {});
    const { failure } = await failureOf(history, defect);
    expect(failure).toBeDefined();
    const short = await shortest(history, failure ?? { what: '', told: [] }, defect);
    expect(short.history.operations.length).toBeLessThan(history.operations.length);
    expect(short.history.operations.length).toBeLessThanOrEqual(4);
    expect(short.failure.told.join('\n')).toContain('"isWhatIf":true');
  });
});

/** The first history that fails with the defect. */
async function killerOf(spoiling: Spoiling): Promise<History> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const history = historyOf(new Prng(seed), seed);
    const { failure } = await failureOf(history, spoiling);
    if (failure !== undefined) return history;
  }
  throw new Error('no history finds it');
}
