import type { Bench, Benchmark } from '../lib/benchmark.ts';
import { measureArchive } from './archive.ts';
import { measureErasures } from './erasures.ts';
import { measureMemory } from './memory.ts';
import type { ScaleName } from './names.ts';
import { measurePurge } from './purge.ts';
import { Script } from './script.ts';
import { Stage } from './stage.ts';
import { measureWhatIf } from './what-if.ts';

type Part = (stage: Stage, script: () => Promise<Script>) => Promise<void>;

const parts: Readonly<Record<ScaleName, Part>> = {
  'scale-what-if': measureWhatIf,
  'scale-purge': async (stage, script) => await measurePurge(stage, await script()),
  'scale-erasures': async (stage, script) => await measureErasures(stage, await script()),
  'scale-archive': async (stage, script) => await measureArchive(stage, await script()),
  'scale-memory': measureMemory,
};

/** These parts, one after the other on one stage. One that fails does not keep the others from their turn. */
export function benchScale(names: readonly ScaleName[]): Benchmark {
  return async (bench) => await runParts(bench, names);
}

async function runParts(bench: Bench, names: readonly ScaleName[]): Promise<void> {
  const stage = await Stage.open(bench);
  let script: Promise<Script> | undefined;
  const theScript = async () => {
    script ??= Script.make(stage);
    return await script;
  };
  const failed: string[] = [];
  try {
    for (const name of names) {
      bench.say(name);
      try {
        await parts[name](stage, theScript);
      } catch (error) {
        failed.push(name);
        bench.say(`${name} failed: ${error instanceof Error ? error.stack : 'for no reason told'}`);
      }
    }
  } finally {
    await (await script)?.close();
    await stage.close();
  }
  if (failed.length > 0) throw new Error(`${failed.join(', ')} failed`);
}
