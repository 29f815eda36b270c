import { test } from 'vitest';
import { realModules } from '/work/main/packages/server/test/attacker/modules.ts';
import { runHistory } from '/work/main/packages/server/test/attacker/simulation.ts';
test('probe', { timeout: 3_600_000 }, async () => {
  const modules = await realModules();
  const from = Number(process.env.FROM ?? 1), n = Number(process.env.N ?? 1000), ops = Number(process.env.OPS ?? 60);
  for (const isSeized of [false, true]) {
    const kinds: Record<string, number> = {}; let bad = 0; const t = Date.now();
    for (let seed = from; seed < from + n; seed++) {
      const { world } = await runHistory({ modules, seed, isSeized, operations: ops });
      if (world.findings.length) { bad++; if (bad < 12) console.log(seed, isSeized, JSON.stringify(world.findings.slice(0,4)));
        for (const f of world.findings) kinds[f.kind] = (kinds[f.kind] ?? 0) + 1; }
    }
    console.log({ isSeized, bad, kinds, ms: Date.now() - t });
  }
});
