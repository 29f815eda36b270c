import { join } from 'node:path';
import { ApiClient, type NativeErasure } from './lib/api-client.ts';
import { phoneOf } from './lib/archive-home.ts';
import { BareDeletes } from './lib/bare-deletes.ts';
import type { Bench } from './lib/benchmark.ts';
import type { LoadedCall } from './lib/bulk-loader.ts';
import { callsPerCustomer, customersOf, makeLargeHome } from './lib/large-home.ts';
import { until } from './lib/load.ts';
import { startServer } from './lib/server.ts';
import { median, timeMs } from './lib/timing.ts';

const planMsMax = 2000;
const rounds = 3;
const lookMs = 20;
const goneMsMax = 300_000;
/** What is planned and executed reaches more than the guard lets through. */
const unguarded = { TACET_GUARD_CALLS: '0', TACET_GUARD_PERCENT: '0' };

/**
 * Native plans in a large archive: one of thousands of identifiers (phones, sessions and ids of calls), and one that is
 * executed, until its keys are destroyed, beside a bare loop that deletes the same rows.
 */
export async function benchPlans(bench: Bench): Promise<void> {
  const { home, credentials, calls } = await makeLargeHome(bench, 'home', bench.sizes.whatIfCalls[1]);
  const bare = new BareDeletes(join(home, 'db', 'tacet.sqlite'), join(bench.folder, 'bare.sqlite'));
  await bench.settle();
  const server = await startServer(bench, home, unguarded);
  const client = new ApiClient(server.url, 1);
  try {
    await client.signIn(credentials);
    await measurePlans(bench, client, calls);
    await measureExecution(bench, client, bare, calls);
  } finally {
    client.close();
    await server.stop();
    bare.close();
  }
}

async function measurePlans(bench: Bench, client: ApiClient, calls: readonly LoadedCall[]): Promise<void> {
  const { planIdentifiers } = bench.sizes;
  const tookMs: number[] = [];
  let items = 0;
  for (let round = 0; round < rounds; round += 1) {
    const subject = mixedSubject(calls, planIdentifiers, round);
    tookMs.push(await timeMs(async () => (items = (await client.plan(subject)).counts.items)));
  }
  bench.report({
    benchmark: 'plans',
    name: `a plan by ${planIdentifiers} identifiers among ${calls.length} calls`,
    unit: 'ms',
    value: median(tookMs),
    goal: { of: 'value', is: 'at most', bound: planMsMax },
  });
  bench.say(`the last plan has ${items} items`);
}

/** Half phones, a quarter sessions, a quarter ids of calls; others in each round. */
function mixedSubject(calls: readonly LoadedCall[], identifiers: number, round: number) {
  const [half, quarter] = [Math.floor(identifiers / 2), Math.floor(identifiers / 4)];
  const customers = customersOf(calls.length);
  const phones = Array.from({ length: half }, (_, i) => phoneOf((round * half + i) % customers));
  const named = Array.from({ length: 2 * quarter }, (_, i) => calls[(round * 7919 + i * 61) % calls.length]);
  const sessions = named.slice(0, quarter).flatMap((call) => call?.sessionId ?? []);
  return { phones, sessions, calls: named.slice(quarter).flatMap((call) => call?.callId ?? []) };
}

async function measureExecution(
  bench: Bench,
  client: ApiClient,
  bare: BareDeletes,
  calls: readonly LoadedCall[],
): Promise<void> {
  const customers = customersOf(calls.length);
  const wanted = Math.ceil(bench.sizes.planCalls / callsPerCustomer);
  const chosen = new Set(Array.from({ length: wanted }, (_, i) => Math.floor((i * customers) / wanted)));
  const ids = calls.flatMap(({ callId }, i) => (chosen.has(i % customers) ? [callId] : []));
  bare.checkpoint();
  await bench.settle();
  const bareMs = await timeMs(async () => bare.delete(ids));
  await bench.settle();
  const plan = await client.plan({ phones: [...chosen].map(phoneOf) });
  if (plan.counts.items !== ids.length) throw new Error(`the plan has ${plan.counts.items} items`);
  const beganAt = Date.now();
  await client.execute(plan);
  const ended = await untilGone(client, plan);
  const common = { benchmark: 'plans', unit: 'ms', baseline: bareMs };
  const name = `${ids.length} calls executed`;
  bench.report({
    ...common,
    name: `${name}, until keys are destroyed`,
    value: Date.parse(ended.shreddedAt ?? '') - beganAt,
  });
  bench.report({ ...common, name: `${name}, until verified`, value: Date.parse(ended.goneAt ?? '') - beganAt });
}

async function untilGone(client: ApiClient, { id }: NativeErasure): Promise<NativeErasure> {
  let now = await client.erasure(id);
  const isGone = async () => {
    now = await client.erasure(id);
    return now.goneAt !== null;
  };
  await until(isGone, { pauseMs: lookMs, maxMs: goneMsMax });
  return now;
}
