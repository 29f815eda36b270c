import { randomBytes } from 'node:crypto';
import { ApiClient } from '../lib/api-client.ts';
import { phoneOf } from '../lib/archive-home.ts';
import { detailsOf } from '../lib/bulk-loader.ts';
import type { Goal } from '../lib/figure.ts';
import { inLanes } from '../lib/load.ts';
import { Throughput } from '../lib/throughput.ts';
import { percentile, timeMs } from '../lib/timing.ts';
import { PlainBucket } from './plain-s3.ts';
import type { Script } from './script.ts';
import type { Stage } from './stage.ts';

const lanes = 8;
/** Both sides take turns, so that a server that slows down slows both. */
const turns = 4;
const warmUps = 16;

/**
 * Recordings archived over HTTP, several at a time, beside a bare loop that uploads the same bytes, each once the one before
 * it is there; and, to see what the machine is capable of, beside as many loops as there are recordings at a time.
 *
 * Once more for a bucket without versions: where a store has conditional writes for those alone, as Ceph's, only there it need
 * not be asked after each write whether the name was free.
 */
export async function measureArchive(stage: Stage, script: Script): Promise<void> {
  const { uploads, objectBytes, largeBytes } = stage.bench.sizes.scale;
  await stage.fill(stage.bench.sizes.scale.calls[1]);
  await withServer(stage, async (client) => {
    await measure({ stage, client, bucket: script.bucket }, { count: uploads[0], bytes: objectBytes });
    await measure({ stage, client, bucket: script.bucket }, { count: uploads[1], bytes: largeBytes });
  });
  const plain = await stage.withoutVersions();
  const name = `tacet-bench-${randomBytes(6).toString('hex')}`;
  const bucket = await PlainBucket.make(stage.servers.s3, name, { isVersioned: false });
  try {
    await withServer(plain, async (client) => {
      const where = 'in a bucket without versions';
      await measure({ stage: plain, client, bucket }, { count: uploads[0], bytes: objectBytes, where });
      await measure({ stage: plain, client, bucket }, { count: uploads[1], bytes: largeBytes, where });
    });
  } finally {
    await bucket.remove();
    await plain.remove();
  }
}

async function withServer(stage: Stage, work: (client: ApiClient) => Promise<void>): Promise<void> {
  const server = await stage.serve();
  const client = new ApiClient(server.url, lanes);
  try {
    await client.signIn(stage.credentials);
    await work(client);
  } finally {
    client.close();
    await server.stop();
  }
}

/** Ours and theirs: an archive with its client, and the bucket of the loop. */
type Sides = { stage: Stage; client: ApiClient; bucket: PlainBucket };

async function measure(
  { stage, client, bucket }: Sides,
  { count, bytes, where }: { count: number; bytes: number; where?: string },
): Promise<void> {
  const { bench } = stage;
  const audio = randomBytes(bytes);
  const tookMs: number[] = [];
  const archive = async () => void (await archiveOne(client, audio));
  const put = async () => await bucket.put(`upload-${randomBytes(16).toString('hex')}`, audio);
  const some = (of: number, at: number) => ({ count: of, lanes: at, maxMs: Number.POSITIVE_INFINITY });
  await inLanes(some(Math.min(warmUps, count), lanes), put);
  await inLanes(some(Math.min(warmUps, count), lanes), archive);
  const [ours, loop, loops] = [new Throughput(), new Throughput(), new Throughput()];
  const each = Math.ceil(count / turns);
  for (let turn = 0; turn < turns; turn += 1) {
    await stage.settle();
    loop.add(await inLanes(some(each, 1), put));
    loops.add(await inLanes(some(each, lanes), put));
    await stage.settle();
    const timed = async () => void tookMs.push(await timeMs(archive));
    ours.add(await inLanes(some(each, lanes), timed));
  }
  const what = `recordings of ${bytes} bytes${where === undefined ? '' : ` ${where}`}, ${lanes} at a time`;
  const goal: Goal = { of: 'ratio', is: 'at least', bound: 0.7 };
  const common = { benchmark: 'scale-archive' };
  const rates = { ...common, unit: '/s', value: ours.perSecond() };
  bench.report({ ...rates, name: what, baseline: loop.perSecond(), goal });
  bench.report({ ...rates, name: `${what}, beside ${lanes} bare loops`, baseline: loops.perSecond() });
  bench.report({ ...common, unit: 'ms', name: `${what}, p99`, value: percentile(tookMs, 99) });
}

let archived = 0;

/** Archives a call that nobody has archived before; returns its ids. */
export async function archiveOne(client: ApiClient, audio: Buffer): Promise<{ callId: string; sessionId: string }> {
  archived += 1;
  const sessionId = `archived-${archived}-${randomBytes(6).toString('hex')}`;
  const { participants, ...rest } = detailsOf({ phone: phoneOf(5_000_000 + archived) });
  const startTime = '2026-01-05T09:00:00Z';
  const info = { sessionId, direction: 'Inbound', startTime, contacts: participants, ...rest };
  return { callId: await client.archive(info, audio), sessionId };
}
