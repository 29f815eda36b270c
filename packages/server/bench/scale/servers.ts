import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench } from '../lib/benchmark.ts';
import type { Fact } from '../lib/machine.ts';
import { ask } from './databases.ts';
import type { S3Server } from './plain-s3.ts';

const script = fileURLToPath(new URL('../../../../scripts/test-servers', import.meta.url));

/** The servers that everything stands on, the archive as well as its baselines. */
export type Servers = {
  /** `postgres://...` of an account that may create databases. */
  postgres: string;
  s3: S3Server;
  /** True for servers of our own, which end with us and may be set up as we like. */
  areOurs: boolean;
  stop(): Promise<void>;
};

/**
 * The servers that TACET_BENCH_POSTGRES, TACET_BENCH_S3_ENDPOINT, TACET_BENCH_S3_ACCESS_KEY and TACET_BENCH_S3_SECRET_KEY
 * tell of; where they say nothing, throw-away ones of our own: PostgreSQL with fsync, since a commit that need not reach the
 * disk says nothing of either side, and Ceph's S3 gateway, which keeps its objects in memory.
 */
export async function startServers(bench: Bench): Promise<Servers> {
  const given = serversOf(process.env, 'TACET_BENCH_');
  if (given !== undefined) return { ...given, areOurs: false, stop: async () => undefined };
  const name = `bench-${randomBytes(4).toString('hex')}`;
  const env = { ...process.env, PG_FSYNC: 'on', TMPDIR: bench.disk };
  // Whatever ends this process, servers must not stay behind; after `stop` there is nothing left to end.
  process.once('exit', () => spawnSync(script, ['stop', name], { env, stdio: 'ignore' }));
  bench.say('starting PostgreSQL and S3');
  const { stdout } = await promisify(execFile)(script, ['start', name], { env });
  const told = new Map(
    Array.from(stdout.matchAll(/^export (\w+)=(.*)$/gm), ([, key = '', value = '']) => [key, value]),
  );
  const started = serversOf(Object.fromEntries(told), 'TACET_TEST_');
  if (started === undefined) throw new Error('PostgreSQL and S3 did not start');
  return {
    ...started,
    areOurs: true,
    stop: async () => void (await promisify(execFile)(script, ['stop', name], { env })),
  };
}

/** Which servers they are, as far as they say. */
export async function factsOf({ postgres, s3 }: Servers): Promise<Fact[]> {
  const asked = await ask<{ version: string; fsync: string }>(
    postgres,
    "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync",
  );
  const answer = await fetch(s3.endpoint).catch(() => undefined);
  await answer?.body?.cancel();
  return [
    ['PostgreSQL', `${asked[0]?.version}, fsync ${asked[0]?.fsync}, on the same machine`],
    ['S3', `${answer?.headers.get('server') ?? 'a server that does not say its name'}, on the same machine`],
  ];
}

/** Undefined where nothing is said; all of them or none. */
function serversOf(env: NodeJS.ProcessEnv, prefix: string): Pick<Servers, 'postgres' | 's3'> | undefined {
  const names = ['POSTGRES', 'S3_ENDPOINT', 'S3_ACCESS_KEY', 'S3_SECRET_KEY'].map((name) => prefix + name);
  const [postgres = '', endpoint = '', accessKeyId = '', secretAccessKey = ''] = names.map((name) => env[name] ?? '');
  const missing = names.filter((name) => !env[name]);
  if (missing.length === names.length) return undefined;
  if (missing.length > 0) throw new Error(`${missing.join(', ')} are missing beside the others`);
  return { postgres, s3: { endpoint, accessKeyId, secretAccessKey } };
}
