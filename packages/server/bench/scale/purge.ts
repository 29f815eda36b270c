import { ApiClient } from '../lib/api-client.ts';
import type { LoadedCall } from '../lib/bulk-loader.ts';
import type { Goal } from '../lib/figure.ts';
import { until } from '../lib/load.ts';
import { timeMs } from '../lib/timing.ts';
import type { Script } from './script.ts';
import { customerPhone, type Stage } from './stage.ts';

/** How often the observer looks; seldom enough not to be what is measured. */
const lookMs = 50;
const waitMsMax = 600_000;
const callsPerLook = 100;

/**
 * One customer's calls, spread evenly over a large archive and each with an object, purged by phone through a real server,
 * beside the script that people write.
 */
export async function measurePurge(stage: Stage, script: Script): Promise<void> {
  const { bench } = stage;
  await stage.fill(bench.sizes.scale.calls[1]);
  await stage.settle();
  let rows = 0;
  const scriptMs = await timeMs(async () => {
    rows = await script.purge(customerPhone);
  });
  if (rows !== stage.customer.length) throw new Error(`the script purged ${rows} calls`);
  bench.say('the script is done');
  await stage.settle();
  const server = await stage.serve();
  const [purger, observer] = [new ApiClient(server.url, 1), new ApiClient(server.url, 1)];
  try {
    for (const client of [purger, observer]) await client.signIn(stage.credentials);
    const seen = await purgeWatched(stage, purger, observer);
    const common = { benchmark: 'scale-purge', unit: 'ms', baseline: scriptMs };
    const atMost = (bound: number): Goal => ({ of: 'ratio', is: 'at most', bound });
    const { calls } = bench.sizes.scale;
    const what = `${rows} calls among ${calls[1]}`;
    bench.report({ ...common, name: `${what}, until keys are destroyed`, value: seen.shreddedMs, goal: atMost(0.2) });
    bench.report({ ...common, name: `${what}, until verified`, value: seen.verifiedMs, goal: atMost(1.5) });
  } finally {
    for (const client of [purger, observer]) client.close();
    await server.stop();
  }
}

/** From the request on: until the last key was destroyed, by the server's clock, and until all is seen to be verified. */
async function purgeWatched({ customer, database }: Stage, purger: ApiClient, observer: ApiClient) {
  const last = customer.at(-1);
  if (last === undefined) throw new Error('there is nobody to purge');
  if (await areGone(observer, [last])) throw new Error('a call is gone before it is purged');
  const beganAt = Date.now();
  const began = performance.now();
  // Items are verified in the order of age, so the last one goes last.
  const gone = until(async () => await areGone(observer, [last]), { pauseMs: lookMs, maxMs: waitMsMax });
  const found = await purger.purgeCustomer(customerPhone, { whatIf: false });
  if (found !== customer.length) throw new Error(`${found} calls were purged instead of ${customer.length}`);
  const verifiedMs = (await gone) - began;
  if (!(await areGone(observer, customer.slice(0, callsPerLook)))) throw new Error('calls are still there');
  const { rows } = await database.client.query<{ at: string }>('SELECT shredded_at AS at FROM erasure');
  return { shreddedMs: Number(rows[0]?.at) - beganAt, verifiedMs };
}

async function areGone(client: ApiClient, calls: readonly LoadedCall[]): Promise<boolean> {
  const statuses = await client.statuses(calls.map(({ sessionId }) => sessionId));
  return statuses.every(({ status }) => status === 'NotFound');
}
