import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { ApiClient } from './lib/api-client.ts';
import type { Bench } from './lib/benchmark.ts';
import type { LoadedCall } from './lib/bulk-loader.ts';
import type { Figure } from './lib/figure.ts';
import { makeLargeHome } from './lib/large-home.ts';
import { checkpointPlain, openPlainDatabase } from './lib/plain-database.ts';
import { Random } from './lib/random.ts';
import { startServer } from './lib/server.ts';
import { percentile, timeMs } from './lib/timing.ts';

const sessionsPerRequest = 100;
/** One session in so many was never heard of. */
const unknownEvery = 10;
const warmUps = 50;

/** How long each request of one kind took, in ms. */
type Took = { statusMs: number[]; bareMs: number[]; nothingMs: number[] };

/**
 * The status of random sessions, asked over HTTP one request after the other, in a large archive. In between, the same
 * sessions are asked for in a plain table that has the session ids as they are: one prepared statement, and no HTTP.
 */
export async function benchCreovaiStatus(bench: Bench): Promise<void> {
  const { statusCalls, statusRequests } = bench.sizes;
  const { statusMs, bareMs, nothingMs } = await measure(bench, statusCalls, statusRequests);
  const common = { benchmark: 'creovai-status', unit: 'ms' };
  const say = (name: string, value: number, rest: Pick<Figure, 'baseline' | 'goal'> = {}) =>
    bench.report({ ...common, name, value, ...rest });
  const sessions = `${sessionsPerRequest} sessions among ${statusCalls}`;
  const goal = { of: 'value', is: 'at most', bound: 10 } as const;
  say(`${sessions}, p99`, percentile(statusMs, 99), { baseline: percentile(bareMs, 99), goal });
  say(`${sessions}, median`, percentile(statusMs, 50), { baseline: percentile(bareMs, 50) });
  say('p99 of a request that asks for nothing, in between', percentile(nothingMs, 99));
}

async function measure(bench: Bench, count: number, requests: number): Promise<Took> {
  const { home, credentials, calls } = await makeLargeHome(bench, 'home', count);
  const plain = new PlainSessions(join(bench.folder, 'plain.sqlite'), calls);
  await bench.settle();
  const server = await startServer(bench, home);
  const client = new ApiClient(server.url, 1);
  const random = new Random(5);
  const took: Took = { statusMs: [], bareMs: [], nothingMs: [] };
  try {
    await client.signIn(credentials);
    for (let i = 0; i < warmUps; i += 1) await askBoth(client, plain, sessionsOf(random, count));
    for (let i = 0; i < requests; i += 1) {
      const { statusMs, bareMs } = await askBoth(client, plain, sessionsOf(random, count));
      took.statusMs.push(statusMs);
      took.bareMs.push(bareMs);
      took.nothingMs.push(await timeMs(async () => await client.health()));
    }
    return took;
  } finally {
    client.close();
    await server.stop();
    plain.close();
  }
}

/** What one request asks for; `session-` and a number below `calls` is the name of a call. */
function sessionsOf(random: Random, calls: number): string[] {
  return Array.from({ length: sessionsPerRequest }, (_, i) => {
    const number = random.below(calls);
    return i % unknownEvery === 0 ? `unknown-${number}` : `session-${number}`;
  });
}

async function askBoth(
  client: ApiClient,
  plain: PlainSessions,
  sessionIds: readonly string[],
): Promise<{ statusMs: number; bareMs: number }> {
  let answer: { sessionId: string; status: string }[] = [];
  const statusMs = await timeMs(async () => {
    answer = await client.statuses(sessionIds);
  });
  check(sessionIds, answer);
  const bareMs = await timeMs(() => {
    answer = plain.statuses(sessionIds);
  });
  check(sessionIds, answer);
  return { statusMs, bareMs };
}

function check(sessionIds: readonly string[], answer: readonly { sessionId: string; status: string }[]): void {
  if (answer.length !== sessionIds.length) throw new Error(`${answer.length} sessions were answered`);
  for (const [i, { sessionId, status }] of answer.entries()) {
    const wanted = sessionId.startsWith('unknown') ? 'NotFound' : 'Complete';
    if (sessionId !== sessionIds[i] || status !== wanted) throw new Error(`${sessionId} is answered ${status}`);
  }
}

/** The bare loop: a table with an indexed session id, and a point query for each. */
class PlainSessions {
  readonly #database: Database.Database;
  readonly #find: Database.Statement<[string], { id: string; status: string; duration_ms: number }>;

  constructor(file: string, calls: readonly LoadedCall[]) {
    this.#database = openPlainDatabase(file);
    this.#database.exec(`CREATE TABLE call (
      id TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, duration_ms INTEGER
    )`);
    const insert = this.#database.prepare('INSERT INTO call VALUES (?, ?, ?, ?)');
    this.#database.transaction(() => {
      for (const { callId, sessionId } of calls) insert.run(callId, sessionId, 'Complete', 180_000);
    })();
    checkpointPlain(this.#database);
    this.#find = this.#database.prepare('SELECT id, status, duration_ms FROM call WHERE session_id = ?');
  }

  statuses(sessionIds: readonly string[]): { sessionId: string; status: string }[] {
    return sessionIds.map((sessionId) => ({ sessionId, status: this.#find.get(sessionId)?.status ?? 'NotFound' }));
  }

  close(): void {
    this.#database.close();
  }
}
