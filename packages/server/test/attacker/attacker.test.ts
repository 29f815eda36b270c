import { describe, expect, test } from 'vitest';
import { closureOf } from './attacker.ts';
import { forcedClosureOf } from './forced-closure.ts';
import { realModules } from './modules.ts';
import { runHistory } from './simulation.ts';
import { lootOf } from './verdict.ts';

/** `ATTACKER_HISTORIES=20000` runs more; `ATTACKER_SEED=7` runs that one alone. */
const histories = Number(process.env['ATTACKER_HISTORIES'] ?? 500);
const firstSeed = Number(process.env['ATTACKER_SEED'] ?? 1);
const count = process.env['ATTACKER_SEED'] === undefined ? histories : 1;

const forms = [
  { name: 'an attacker with the vault as it is at the end', isSeized: false },
  { name: 'an attacker who seized the vault at earlier times too', isSeized: true },
];

describe.each(forms)('$name', ({ isSeized }) => {
  test(`reads what lives and nothing that must be dead, in ${count} histories`, { timeout: 3_600_000 }, async () => {
    const modules = await realModules();
    const accidents = { died: 0, putBack: 0, cut: 0 };
    const total = { live: 0, stillOpen: 0, dead: 0, locked: 0, tokensRead: 0, tokensDead: 0, ...accidents };
    for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
      // Every other history runs beside connections that are cut.
      const options = { modules, seed, isSeized, losesConnections: seed % 2 === 1, operations: 36 };
      const { world, tally, died, putBack, cut } = await runHistory(options);
      expect(world.findings, `ATTACKER_SEED=${seed}`).toEqual([]);
      for (const [name, value] of Object.entries({ ...tally, died, putBack, cut })) {
        total[name as keyof typeof total] += value;
      }
    }
    // A test that demands nothing proves nothing: each figure counts what the verdict had to say something about.
    if (count > 1) for (const value of Object.values(total)) expect(value).toBeGreaterThan(count / 10);
  });

  test('opens by force exactly what the oracle says', { timeout: 3_600_000 }, async () => {
    const modules = await realModules();
    for (let seed = firstSeed; seed < firstSeed + Math.ceil(count / 25); seed += 1) {
      const { world } = await runHistory({ modules, seed, isSeized, operations: 5 });
      const loot = lootOf(world);
      expect(forcedClosureOf(loot), `ATTACKER_SEED=${seed}`).toEqual(closureOf(loot, world.oracle).opened);
    }
  });
});
