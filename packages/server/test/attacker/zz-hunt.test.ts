import { test } from 'vitest';
import { realModules } from './modules.ts';
import { runHistory } from './simulation.ts';

test('hunt', { timeout: 3_600_000 }, async () => {
  const modules = await realModules();
  for (const one of (process.env['HUNT'] ?? '').split(',')) {
    const [seed = '1', how] = one.split(':');
      const { world } = await runHistory({ modules, seed: Number(seed), isSeized: how === 's', operations: 36 });
        console.log('FOUND', seed, JSON.stringify(world.findings));
  }
});
