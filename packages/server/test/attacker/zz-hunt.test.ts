import { test } from 'vitest';
import { realModules } from './modules.ts';
import { runHistory } from './simulation.ts';

test('hunt', { timeout: 3_600_000 }, async () => {
  const modules = await realModules();
  const [from, to] = (process.env['HUNT'] ?? '1-100').split('-').map(Number);
  for (const isSeized of [false, true]) {
    for (let seed = from ?? 1; seed <= (to ?? 1); seed += 1) {
      const { world } = await runHistory({ modules, seed, isSeized, operations: 36 });
      if (world.findings.length > 0)
        console.log(
          'FOUND', seed, isSeized, 'recovery', world.recovery !== undefined, 'folders', world.vaultDisks.length, 'horizon', world.horizonMs,
          JSON.stringify(world.findings),
        );
    }
  }
});
