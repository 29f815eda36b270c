import { join } from 'node:path';
import { ApiClient } from './lib/api-client.ts';
import { BareDeletes } from './lib/bare-deletes.ts';
import type { Bench } from './lib/benchmark.ts';
import type { LoadedCall } from './lib/bulk-loader.ts';
import type { Goal } from './lib/figure.ts';
import { makeLargeHome } from './lib/large-home.ts';
import { inLanes, until } from './lib/load.ts';
import { Random } from './lib/random.ts';
import { startServer } from './lib/server.ts';
import { Throughput } from './lib/throughput.ts';
import { percentile, timeMs } from './lib/timing.ts';

/** The most ids that one request may name. */
const idsPerRequest = 100;
const lanes = 8;
/** Both sides take turns, so that a disk that slows down slows both. */
const turns = 2;
const turnMsMax = 60_000;
const warmUps = 16;
/** How often it is looked whether everything is verified, and how long. */
const lookMs = 100;
const goneMsMax = 120_000;

const kinds = ['random', 'adjacent'] as const;

/** What one request purges. */
type Batch = readonly LoadedCall[];

/** What the turns of one kind came to. Throughputs are in requests. */
type Measured = {
  ours: Throughput;
  /** The same requests, but timed until the last of their calls is verified. */
  oursVerified: Throughput;
  bare: Throughput;
  requestMs: number[];
  bareMs: number[];
};

type Sides = { client: ApiClient; bare: BareDeletes };

/**
 * Purges by call id over HTTP, eight requests at a time without a pause, beside a bare loop that deletes the same rows.
 * Random calls of a large archive, and calls that came one after the other.
 */
export async function benchCreovaiPurges(bench: Bench): Promise<void> {
  const { home, credentials, calls } = await makeLargeHome(bench, 'home', bench.sizes.purgeIdCalls);
  const batches = batchesOf(calls, warmUpsOf(bench) + turns * bench.sizes.purgeIdRequests);
  const bare = new BareDeletes(join(home, 'db', 'tacet.sqlite'), join(bench.folder, 'bare.sqlite'));
  await bench.settle();
  const server = await startServer(bench, home);
  const client = new ApiClient(server.url, lanes);
  try {
    await client.signIn(credentials);
    for (const kind of kinds) report(bench, kind, await measure(bench, { client, bare }, batches[kind]));
  } finally {
    client.close();
    await server.stop();
    bare.close();
  }
}

/** The oldest calls in their order, and random ones of all the others. */
function batchesOf(calls: readonly LoadedCall[], count: number): Record<(typeof kinds)[number], Batch[]> {
  const each = count * idsPerRequest;
  if (calls.length < 2 * each) throw new Error(`${2 * each} calls are needed to purge from`);
  const random = Array.from(new Random(7).shuffled(calls.length - each).slice(0, each), (i) => calls[each + i]);
  return { adjacent: inBatches(calls.slice(0, each)), random: inBatches(random.flatMap((call) => call ?? [])) };
}

function inBatches(calls: readonly LoadedCall[]): Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from < calls.length; from += idsPerRequest) batches.push(calls.slice(from, from + idsPerRequest));
  return batches;
}

function warmUpsOf(bench: Bench): number {
  return Math.min(warmUps, bench.sizes.purgeIdRequests);
}

async function measure(bench: Bench, sides: Sides, batches: readonly Batch[]): Promise<Measured> {
  const measured: Measured = {
    ours: new Throughput(),
    oursVerified: new Throughput(),
    bare: new Throughput(),
    requestMs: [],
    bareMs: [],
  };
  const first = warmUpsOf(bench);
  await takeTurns(bench, sides, batches.slice(0, first));
  for (let turn = 0; turn < turns; turn += 1) {
    const from = first + turn * bench.sizes.purgeIdRequests;
    const some = batches.slice(from, from + bench.sizes.purgeIdRequests);
    const { bare, ours, verifiedMs, bareMs, requestMs } = await takeTurns(bench, sides, some);
    measured.bare.add(bare);
    measured.ours.add(ours);
    measured.oursVerified.add({ done: ours.done, tookMs: verifiedMs });
    measured.bareMs.push(...bareMs);
    measured.requestMs.push(...requestMs);
  }
  return measured;
}

/** Both sides purge the same calls, one side after the other, and nothing is left to do when the next turn begins. */
async function takeTurns(bench: Bench, { client, bare }: Sides, batches: readonly Batch[]) {
  const options = { count: batches.length, maxMs: turnMsMax };
  const [bareMs, requestMs]: [number[], number[]] = [[], []];
  bare.checkpoint();
  await bench.settle();
  const theirs = await inLanes({ ...options, lanes: 1 }, async (i) => {
    bareMs.push(await timeMs(() => bare.delete(idsOf(batches[i]))));
  });
  await bench.settle();
  const began = performance.now();
  const ours = await inLanes({ ...options, lanes }, async (i) => {
    requestMs.push(await timeMs(async () => await purgeAll(client, idsOf(batches[i]))));
  });
  const verifiedMs = (await allGone(client, batches.slice(0, ours.done))) - began;
  return { bare: theirs, ours, verifiedMs, bareMs, requestMs };
}

function idsOf(batch: Batch = []): string[] {
  return batch.map(({ callId }) => callId);
}

async function purgeAll(client: ApiClient, ids: readonly string[]): Promise<void> {
  const items = await client.purgeCalls(ids);
  const purging = items.filter(({ callId, status }, i) => callId === ids[i] && status === 'Purging');
  if (purging.length !== ids.length) throw new Error(`${purging.length} of ${ids.length} calls are being purged`);
}

/** Waits until nothing of these purges is left; returns when. The calls of one request are verified together. */
async function allGone(client: ApiClient, batches: readonly Batch[]): Promise<number> {
  const sessionIds = batches.flatMap(([call]) => call?.sessionId ?? []);
  const areGone = async () => (await client.statuses(sessionIds)).every(({ status }) => status === 'NotFound');
  return await until(areGone, { pauseMs: lookMs, maxMs: goneMsMax });
}

function report(bench: Bench, kind: string, { ours, oursVerified, bare, requestMs, bareMs }: Measured): void {
  const say = (unit: string, name: string, value: number, baseline: number, goal?: Goal) =>
    bench.report({ benchmark: 'creovai-purges', unit, name, value, baseline, ...(goal && { goal }) });
  const perSecond = (throughput: Throughput) => throughput.perSecond() * idsPerRequest;
  const goal: Goal = { of: 'ratio', is: 'at least', bound: 0.25, aim: 0.5 };
  const each = `${idsPerRequest} ${kind} calls a request`;
  say('/s', `${each}, ${lanes} at a time`, perSecond(ours), perSecond(bare), goal);
  say('/s', `${each}, until all are verified`, perSecond(oursVerified), perSecond(bare));
  say('ms', `${each}, median`, percentile(requestMs, 50), percentile(bareMs, 50));
  say('ms', `${each}, p99`, percentile(requestMs, 99), percentile(bareMs, 99));
}
