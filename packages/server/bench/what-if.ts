import { ApiClient } from './lib/api-client.ts';
import { phoneOf } from './lib/archive-home.ts';
import type { Bench } from './lib/benchmark.ts';
import type { Figure, Goal } from './lib/figure.ts';
import { callsPerCustomer, customersOf, makeLargeHome } from './lib/large-home.ts';
import { Random } from './lib/random.ts';
import { startServer } from './lib/server.ts';
import { percentile, timeMs } from './lib/timing.ts';

const warmUps = 50;

/**
 * What a purge of random numbers would take, asked over HTTP one after the other, in a small and in a large archive. The
 * calls have all their rows, tokens and sealed parts, but no recordings.
 */
export async function benchWhatIf(bench: Bench): Promise<void> {
  const [small, large] = bench.sizes.whatIfCalls;
  const { tookMs: smallMs } = await measure(bench, small);
  const { tookMs: largeMs, nothingMs } = await measure(bench, large);
  const p99 = (values: readonly number[]) => percentile(values, 99);
  const common = { benchmark: 'what-if', unit: 'ms' };
  const say = (name: string, value: number, rest: Pick<Figure, 'baseline' | 'goal'> = {}) =>
    bench.report({ ...common, name, value, ...rest });
  const within: Goal = { of: 'value', is: 'at most', bound: 5 };
  say(`p99 among ${small} calls`, p99(smallMs), { goal: within });
  say(`p99 among ${large} calls`, p99(largeMs), { goal: within });
  const goal: Goal = { of: 'ratio', is: 'at most', bound: 2 };
  say(`p99 among ${large} calls, beside ${small}`, p99(largeMs), { baseline: p99(smallMs), goal });
  say('p99 of a request that asks for nothing, in between', p99(nothingMs));
  say(`median among ${large} calls`, percentile(largeMs, 50), { baseline: percentile(smallMs, 50) });
}

async function measure(bench: Bench, calls: number): Promise<{ tookMs: number[]; nothingMs: number[] }> {
  const { home, credentials } = await makeLargeHome(bench, `home-${calls}`, calls);
  const server = await startServer(bench, home);
  const client = new ApiClient(server.url, 1);
  try {
    await client.signIn(credentials);
    const random = new Random(3);
    const ask = async () => await askFor(client, random.below(customersOf(calls)));
    for (let i = 0; i < warmUps; i += 1) await ask();
    const tookMs: number[] = [];
    const nothingMs: number[] = [];
    for (let i = 0; i < bench.sizes.whatIfNumbers; i += 1) {
      tookMs.push(await timeMs(ask));
      nothingMs.push(await timeMs(async () => await client.health()));
    }
    return { tookMs, nothingMs };
  } finally {
    client.close();
    await server.stop();
  }
}

async function askFor(client: ApiClient, customer: number): Promise<void> {
  const found = await client.purgeCustomer(phoneOf(customer), { whatIf: true });
  if (found === 0 || found > callsPerCustomer) throw new Error(`a customer has ${found} calls`);
}
