import { ApiClient } from '../lib/api-client.ts';
import type { LoadedCall } from '../lib/bulk-loader.ts';
import { inLanes, until } from '../lib/load.ts';
import { Throughput } from '../lib/throughput.ts';
import type { Script } from './script.ts';
import type { Stage } from './stage.ts';

const several = 8;
/** Both sides take turns, so that a server that slows down slows both. */
const turns = 2;
const lookMs = 50;
const goneMsMax = 120_000;
const callsPerLook = 100;

/**
 * Erasures of one call each, with its object, one request after the other without a pause: by one client, and by several at
 * once. Beside the script that people write for one call, by as many at once.
 */
export async function measureErasures(stage: Stage, script: Script): Promise<void> {
  await stage.fill(stage.bench.sizes.scale.calls[1]);
  const [one, more] = stage.bench.sizes.scale.erasures;
  const server = await stage.serve();
  const client = new ApiClient(server.url, several);
  try {
    await client.signIn(stage.credentials);
    await measure(stage, { client, script }, { from: 0, count: one, lanes: 1 });
    await measure(stage, { client, script }, { from: one, count: more, lanes: several });
  } finally {
    client.close();
    await server.stop();
  }
}

type Span = { from: number; count: number; lanes: number };

async function measure(stage: Stage, sides: { client: ApiClient; script: Script }, span: Span): Promise<void> {
  const { bench } = stage;
  const [bare, shredded, verified] = [new Throughput(), new Throughput(), new Throughput()];
  const each = Math.floor(span.count / turns);
  for (let turn = 0; turn < turns; turn += 1) {
    const from = span.from + turn * each;
    const ids = sides.script.singles.slice(from, from + each);
    await stage.settle();
    bare.add(await together(ids.length, span.lanes, async (i) => await sides.script.erase(ids[i] ?? '')));
    await stage.settle();
    const calls = stage.singles.slice(from, from + each);
    const began = performance.now();
    shredded.add(await together(calls.length, span.lanes, async (i) => await erase(sides.client, calls[i])));
    verified.add({ done: calls.length, tookMs: (await allGone(sides.client, calls)) - began });
  }
  const common = { benchmark: 'scale-erasures', unit: '/s', baseline: bare.perSecond() };
  const who = span.lanes === 1 ? 'one client' : `${span.lanes} clients`;
  bench.report({ ...common, name: `${who}, until keys are destroyed`, value: shredded.perSecond() });
  bench.report({ ...common, name: `${who}, until verified`, value: verified.perSecond() });
}

async function together(count: number, lanes: number, work: (i: number) => Promise<void>) {
  return await inLanes({ count, lanes, maxMs: Number.POSITIVE_INFINITY }, work);
}

/** Resolves when the call's keys are destroyed: that is when its purge is answered. */
async function erase(client: ApiClient, call: LoadedCall | undefined): Promise<void> {
  const [item] = await client.purgeCalls([call?.callId ?? '']);
  if (item?.callId !== call?.callId || item?.status !== 'Purging') throw new Error('a call is not being purged');
}

/** Waits until nothing of these calls is left; returns when. */
async function allGone(client: ApiClient, calls: readonly LoadedCall[]): Promise<number> {
  const sessionIds = calls.map(({ sessionId }) => sessionId);
  const areGone = async () => {
    while (sessionIds.length > 0) {
      const some = sessionIds.slice(-callsPerLook);
      if (!(await client.statuses(some)).every(({ status }) => status === 'NotFound')) return false;
      // What is gone is not asked for again.
      sessionIds.splice(-callsPerLook);
    }
    return true;
  };
  return await until(areGone, { pauseMs: lookMs, maxMs: goneMsMax });
}
