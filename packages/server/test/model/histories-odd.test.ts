import { describe, test } from 'vitest';
import { expectEverythingMet, expectExplained, playingMsMax, seedsOf } from './playing.ts';
import { regressions } from './regressions.ts';

describe('an archive and the model of it agree', () => {
  test.each(regressions)('in history $seed, where once $found', { timeout: playingMsMax }, async ({ seed }) => {
    await expectExplained([seed]);
  });

  const seeds = seedsOf('odd');
  test(`on every answer and on all that is left, in ${seeds.length} odd histories`, {
    timeout: playingMsMax,
  }, async () => {
    const tally = await expectExplained(seeds);
    if (seeds.length >= 200) expectEverythingMet(tally, 5);
  });
});
