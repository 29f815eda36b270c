import { ApiClient } from '../lib/api-client.ts';
import { phoneOf } from '../lib/archive-home.ts';
import type { Figure, Goal } from '../lib/figure.ts';
import { Random } from '../lib/random.ts';
import { percentile, timeMs } from '../lib/timing.ts';
import { callsPerOther, othersOf, type Stage } from './stage.ts';

const warmUps = 50;

/**
 * What a purge of random numbers would take, asked over HTTP one after the other, in an archive that is still small and once
 * it is large. A customer has as many calls in both.
 */
export async function measureWhatIf(stage: Stage): Promise<void> {
  const [small, large] = stage.bench.sizes.scale.calls;
  const { tookMs: smallMs } = await measure(stage, small);
  const { tookMs: largeMs, nothingMs } = await measure(stage, large);
  const common = { benchmark: 'scale-what-if', unit: 'ms' };
  const say = (name: string, value: number, rest: Pick<Figure, 'baseline' | 'goal'> = {}) =>
    stage.bench.report({ ...common, name, value, ...rest });
  const p99 = (values: readonly number[]) => percentile(values, 99);
  const within: Goal = { of: 'value', is: 'at most', bound: 10 };
  say(`p99 among ${small} calls`, p99(smallMs), { goal: within });
  say(`p99 among ${large} calls`, p99(largeMs), { goal: within });
  const goal: Goal = { of: 'ratio', is: 'at most', bound: 2 };
  say(`p99 among ${large} calls, beside ${small}`, p99(largeMs), { baseline: p99(smallMs), goal });
  say('p99 of a request that asks for nothing, in between', p99(nothingMs));
  say(`median among ${large} calls`, percentile(largeMs, 50), { baseline: percentile(smallMs, 50) });
}

async function measure(stage: Stage, calls: number): Promise<{ tookMs: number[]; nothingMs: number[] }> {
  await stage.fill(calls);
  const server = await stage.serve();
  const client = new ApiClient(server.url, 1);
  try {
    await client.signIn(stage.credentials);
    const random = new Random(3);
    const others = Math.floor(calls / stage.bench.sizes.scale.calls[0]) * othersOf(stage.bench.sizes.scale.calls[0]);
    const ask = async () => await askFor(client, 1 + random.below(others));
    for (let i = 0; i < warmUps; i += 1) await ask();
    const [tookMs, nothingMs]: [number[], number[]] = [[], []];
    for (let i = 0; i < stage.bench.sizes.scale.whatIfNumbers; i += 1) {
      tookMs.push(await timeMs(ask));
      nothingMs.push(await timeMs(async () => await client.health()));
    }
    return { tookMs, nothingMs };
  } finally {
    client.close();
    await server.stop();
  }
}

async function askFor(client: ApiClient, other: number): Promise<void> {
  const found = await client.purgeCustomer(phoneOf(other), { whatIf: true });
  // Some of them are the calls of the one who is purged.
  if (found === 0 || found > callsPerOther) throw new Error(`a customer has ${found} calls`);
}
