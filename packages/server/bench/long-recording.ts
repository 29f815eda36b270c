import { randomBytes } from 'node:crypto';
import { ApiClient } from './lib/api-client.ts';
import { makeHome } from './lib/archive-home.ts';
import type { Bench } from './lib/benchmark.ts';
import { type Server, startServer } from './lib/server.ts';
import { timeMs } from './lib/timing.ts';

/** Chunks in which a client sends, and how often memory is looked at besides the system's own high-water mark. */
const chunkBytes = 2 ** 18;
const sampleMs = 50;
const memoryMbMax = 200;

type Transfer = { inMs: number; outMs: number; peakBytes: number };

/**
 * One long recording in and out through a server of its own, beside a short one through another: the most memory that
 * was resident at any time, and how fast it went.
 */
export async function benchLongRecording(bench: Bench): Promise<void> {
  const { shortBytes, longBytes } = bench.sizes;
  const short = await transfer(bench, 'short', shortBytes);
  const long = await transfer(bench, 'long', longBytes);
  const common = { benchmark: 'long-recording', unit: 'MB' };
  bench.report({
    ...common,
    name: `most memory resident, ${mib(longBytes)} MiB beside ${mib(shortBytes)}`,
    value: long.peakBytes / 1e6,
    baseline: short.peakBytes / 1e6,
    goal: { of: 'value', is: 'at most', bound: memoryMbMax },
  });
  const perSecond = (tookMs: number) => longBytes / 1e3 / tookMs;
  bench.report({ ...common, unit: 'MB/s', name: 'in', value: perSecond(long.inMs) });
  bench.report({ ...common, unit: 'MB/s', name: 'out', value: perSecond(long.outMs) });
}

async function transfer(bench: Bench, name: string, bytes: number): Promise<Transfer> {
  const { home, credentials } = await makeHome(bench, name, async () => undefined);
  const server = await startServer(bench, home);
  const client = new ApiClient(server.url, 1);
  const watch = new MemoryWatch(server);
  try {
    await client.signIn(credentials);
    const pattern = randomBytes(chunkBytes);
    const info = { sessionId: `session-${name}`, startTime: '2026-01-05T09:00:00Z', contacts: [] };
    let callId = '';
    const inMs = await timeMs(async () => {
      callId = await client.archiveStream(info, repeated(pattern, bytes), bytes);
    });
    const outMs = await timeMs(async () => await readBack(client, callId, pattern, bytes));
    return { inMs, outMs, peakBytes: await watch.end() };
  } finally {
    await watch.end();
    client.close();
    await server.stop();
  }
}

/** The most memory that the server had resident, by the system's high-water mark and by looking. */
class MemoryWatch {
  readonly #server: Server;
  readonly #timer: NodeJS.Timeout;
  #peakBytes = 0;

  constructor(server: Server) {
    this.#server = server;
    this.#timer = setInterval(() => void this.#look(), sampleMs);
  }

  async end(): Promise<number> {
    clearInterval(this.#timer);
    await this.#look();
    return this.#peakBytes;
  }

  async #look(): Promise<void> {
    const { nowBytes, peakBytes } = await this.#server.memory();
    this.#peakBytes = Math.max(this.#peakBytes, nowBytes, peakBytes);
  }
}

async function* repeated(pattern: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < bytes; sent += pattern.length) yield pattern.subarray(0, bytes - sent);
}

/** Reads the recording to its end and compares every byte. */
async function readBack(client: ApiClient, callId: string, pattern: Buffer, bytes: number): Promise<void> {
  const answer = await client.recording(callId);
  if (answer.statusCode !== 200) throw new Error(`the recording answered ${answer.statusCode}`);
  let at = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; ) {
      const start = (at + from) % pattern.length;
      const length = Math.min(chunk.length - from, pattern.length - start);
      if (chunk.compare(pattern, start, start + length, from, from + length) !== 0) {
        throw new Error(`byte ${at + from} or one soon after it is not what was archived`);
      }
      from += length;
    }
    at += chunk.length;
  }
  if (at !== bytes) throw new Error(`${at} bytes came back instead of ${bytes}`);
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
