import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, drain } from '../lib/api-client.ts';
import { phoneOf } from '../lib/archive-home.ts';
import type { LoadedCall } from '../lib/bulk-loader.ts';
import { atSteadyRate } from '../lib/load.ts';
import { Random } from '../lib/random.ts';
import type { Server } from '../lib/server.ts';
import { median } from '../lib/timing.ts';
import { archiveOne } from './archive.ts';
import { othersOf, type Stage } from './stage.ts';

/** What one client asks for each second: little enough for two cores that others share. */
const roundsPerSecond = 4;
const sampleMs = 1000;
const mib = 2 ** 20;
/** Calls that live at a time, of those that the load archives. */
const livingMax = 100;

/**
 * Resident memory of a server under mixed load: calls are archived, read, asked for and purged again, at a steady rate. The
 * growth is the slope of a straight line through all samples (least squares), once the load has run for a while.
 */
export async function measureMemory(stage: Stage): Promise<void> {
  const { bench } = stage;
  await stage.fill(bench.sizes.scale.calls[1]);
  const server = await stage.serve();
  const client = new ApiClient(server.url, 8);
  let isOver = false;
  try {
    await client.signIn(stage.credentials);
    const load = mixedLoad(stage, client);
    const running = atSteadyRate({ perSecond: roundsPerSecond, stopped: () => isOver }, load);
    // A request that fails ends the benchmark, not at once, but before anything is reported.
    running.catch(() => undefined);
    await sleep(bench.sizes.scale.warmUpMs);
    const samples = await watch(bench.sizes.scale.memoryMs, server);
    isOver = true;
    const rounds = (await running).length;
    report(stage, samples, rounds);
  } finally {
    isOver = true;
    client.close();
    await server.stop();
  }
}

/** One round: a call comes, one is heard, some are asked for, one goes. */
function mixedLoad({ bench }: Stage, client: ApiClient): () => Promise<void> {
  const { calls, objectBytes } = bench.sizes.scale;
  const audio = randomBytes(objectBytes);
  const random = new Random(11);
  const living: LoadedCall[] = [];
  return async () => {
    living.push(await archiveOne(client, audio));
    const heard = living[random.below(living.length)];
    if (heard !== undefined) await drain(await client.recording(heard.callId));
    await client.statuses(living.slice(-5).map(({ sessionId }) => sessionId));
    await client.purgeCustomer(phoneOf(1 + random.below(othersOf(calls[0]))), { whatIf: true });
    const oldest = living.length > livingMax ? living.shift() : undefined;
    if (oldest !== undefined) await client.purgeCalls([oldest.callId]);
  };
}

type Sample = { atMs: number; bytes: number };

async function watch(forMs: number, server: Server): Promise<Sample[]> {
  const samples: Sample[] = [];
  const began = performance.now();
  while (performance.now() - began < forMs) {
    samples.push({ atMs: performance.now() - began, bytes: (await server.memory()).nowBytes });
    await sleep(Math.min(sampleMs, forMs / 10));
  }
  return samples;
}

function report({ bench }: Stage, samples: readonly Sample[], rounds: number): void {
  const { memoryMs, memoryEveryMs } = bench.sizes.scale;
  const common = { benchmark: 'scale-memory' };
  const inMib = (bytes: number) => bytes / mib;
  const each = Array.from({ length: Math.ceil(memoryMs / memoryEveryMs) }, (_, i) => {
    const some = samples.filter(({ atMs }) => Math.floor(atMs / memoryEveryMs) === i);
    return inMib(median(some.map(({ bytes }) => bytes)));
  });
  const values = each.filter((value) => !Number.isNaN(value));
  bench.report({
    ...common,
    name: `growth over ${memoryMs / 60_000} minutes of mixed load`,
    unit: 'MiB/min',
    value: inMib(slopeOf(samples)) * 60_000,
    goal: { of: 'value', is: 'at most', bound: 1 },
    series: { what: `resident memory in MiB, every ${memoryEveryMs / 1000} s`, values },
  });
  bench.report({ ...common, name: 'most memory resident', unit: 'MiB', value: Math.max(...values) });
  bench.report({ ...common, name: 'rounds of the mixed load', unit: '', value: rounds });
}

/** Slope of the straight line through the samples by least squares, in bytes a millisecond. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const [atMs, bytes] = [mean((one) => one.atMs), mean((one) => one.bytes)];
  const along = samples.reduce((sum, one) => sum + (one.atMs - atMs) * (one.bytes - bytes), 0);
  return along / samples.reduce((sum, one) => sum + (one.atMs - atMs) ** 2, 0);
}
