import { Prng } from '../attacker/prng.ts';
import { failureOf } from './history.ts';
import { historyOf } from './operations.ts';

const [from, to] = process.argv.slice(2).map(Number);
const began = Date.now();
let failed = 0;
for (let seed = from; seed < to; seed++) {
  const h = historyOf(new Prng(seed), seed);
  const t: unknown = setTimeout(() => {
    console.log('HANG', seed);
    console.log((globalThis as never as { told: string[] }).told?.slice(-5).join('\n'));
    process.exit(1);
  }, 20000);
  const f = (await failureOf(h)).failure;
  clearTimeout(t);
  if (f) {
    failed++;
    console.log(
      `--- SEED ${seed} (${h.operations.length} ops, ${h.processes} proc)\n${f.told.slice(-+(process.env.TAIL ?? 12)).join('\n')}\n=> ${f.what.slice(0, 1500)}`,
    );
    if (failed >= +(process.env.MAXF ?? 3)) break;
  }
}
console.log(`${failed} failed, ${Date.now() - began} ms`);
process.exit(0);
