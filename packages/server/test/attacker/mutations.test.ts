import { describe, expect, test } from 'vitest';
import { copyHistories } from './histories-copies.ts';
import { faultHistories } from './histories-faults.ts';
import { recoveryHistories } from './histories-recovery.ts';
import { type Modules, realModules } from './modules.ts';
import { withMutant } from './mutate.ts';
import { type Mutation, mutations } from './mutations.ts';
import { recoveryMutations } from './mutations-recovery.ts';
import { oldDefects } from './old-defects.ts';
import { runHistory } from './simulation.ts';
import { play } from './stage.ts';

/** Random histories that a mutation may survive before it counts as not found. */
const seedsMax = 60;

/** The kinds of what one history finds; a history that breaks off because damage was met finds `lost`. */
type Run = (modules: Modules, isSealedBeforeCommit: boolean) => Promise<Set<string>>;

describe('the attacker test fails when', () => {
  test.each([...mutations, ...recoveryMutations, ...oldDefects])('$name', async (mutation) => {
    const isSealedBeforeCommit = mutation.isSealedBeforeCommit ?? false;
    const run = await withMutant(mutation, async (modules) => await killerOf(mutation, modules, isSealedBeforeCommit));
    expect([...(await run(await realModules(), false))], 'the same history without the mutation').toEqual([]);
  });
});

/** The first history of the kind asked for that finds what the mutation is to be found by. */
async function killerOf(mutation: Mutation, modules: Modules, isSealedBeforeCommit: boolean): Promise<Run> {
  for (const run of runsOf(mutation)) {
    const found = await run(modules, isSealedBeforeCommit);
    if (found.has(mutation.finding)) return run;
  }
  throw new Error(`${mutation.name}: not found`);
}

function runsOf({ killedBy }: Mutation): Run[] {
  if (typeof killedBy === 'object') {
    const [history, ...more] = [...faultHistories, ...copyHistories, ...recoveryHistories].filter(({ name }) =>
      name.startsWith(killedBy.history),
    );
    if (history === undefined || more.length > 0) throw new Error(`no one history: ${killedBy.history}`);
    return [kindsFound(async (options) => (await play(history, options)).world.findings)];
  }
  const isSeized = killedBy === 'random with seizures';
  return Array.from({ length: seedsMax }, (_, i) =>
    kindsFound(
      async (options) => (await runHistory({ ...options, seed: i + 1, isSeized, operations: 40 })).world.findings,
    ),
  );
}

function kindsFound(
  findings: (options: { modules: Modules; isSealedBeforeCommit: boolean }) => Promise<readonly { kind: string }[]>,
): Run {
  return async (modules, isSealedBeforeCommit) => {
    try {
      return new Set((await findings({ modules, isSealedBeforeCommit })).map(({ kind }) => kind));
    } catch (error) {
      if (error instanceof Error && error.name === 'AppError') return new Set(['lost']);
      throw error;
    }
  };
}
