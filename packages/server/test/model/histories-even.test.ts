import { describe, test } from 'vitest';
import { expectEverythingMet, expectExplained, playingMsMax, seedsOf } from './playing.ts';

describe('an archive and the model of it agree', () => {
  const seeds = seedsOf('even');
  test(`on every answer and on all that is left, in ${seeds.length} even histories`, {
    timeout: playingMsMax,
  }, async () => {
    const tally = await expectExplained(seeds);
    if (seeds.length >= 200) expectEverythingMet(tally, 5);
  });
});
