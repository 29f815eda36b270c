import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, type TestDatabase } from '../support/postgres.ts';
import { programOf } from '../support/programs.ts';
import { newBucket, type TestBucket } from '../support/s3-server.ts';
import { describeWithServers } from '../support/servers.ts';
import { readCompose } from './compose.ts';
import { endOf, saidBy } from './said-by.ts';

const { services } = readCompose({});
const main = programOf(new URL('../../src/main.ts', import.meta.url));
/** Several processes start at once, beside all other tests. */
const patience = 120_000;
const server = fileURLToPath(new URL('../..', import.meta.url));

describeWithServers('the services of compose.yaml, on servers of the tests', ({ postgres, s3 }) => {
  let folder: string;
  let database: TestDatabase;
  let bucket: TestBucket;
  const running: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tacet-compose-'));
    database = await newDatabase(postgres);
    bucket = await newBucket(s3, { versioned: false, lock: false });
    await bucket.s3.deleteBucket({ Bucket: bucket.place.bucket });
  });
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    await bucket.remove();
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('make the bucket, and are content with it the next time', { timeout: patience }, async () => {
    for (const _ of [1, 2]) expect(await endOf(start('bucket'))).toEqual({ code: 0, signal: null });
    expect(await bucket.s3.headBucket({ Bucket: bucket.place.bucket })).toBeDefined();
  });

  test('migrate, serve and work side by side, and end well', { timeout: patience }, async () => {
    expect(await endOf(start('migrate'))).toEqual({ code: 0, signal: null });
    const [serving, working] = [start('serve'), start('work')];
    const [url, metrics] = await Promise.all([
      saidBy(serving, /^listening on (\S+)$/m),
      saidBy(working, /^metrics at (\S+)$/m),
    ]);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await endOf(startHealthcheck('work', metrics))).toEqual({ code: 0, signal: null });
    const ended = Promise.all([endOf(serving), endOf(working)]);
    for (const child of [serving, working]) child.kill('SIGTERM');
    expect(await ended).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    expect((await endOf(startHealthcheck('work', metrics))).code).toBe(1);
  });

  /** A process of the service, of our program: its words and settings, with our servers in place of its own. */
  function start(name: string): ChildProcess {
    const { entrypoint, command = [] } = services[name] ?? {};
    const [program = '', ...words] = entrypoint ?? [process.execPath, main];
    return launch(program, [...words, ...command], environmentOf(name));
  }

  function startHealthcheck(name: string, metrics: string): ChildProcess {
    const [, program = '', ...words] = services[name]?.healthcheck?.test ?? [];
    const { origin } = new URL(metrics);
    const told = words.map((word) => word.replace(/http:\/\/[\d.]+:\d+/, origin));
    expect(told).not.toEqual(words);
    return launch(program, told, {});
  }

  function launch(program: string, words: readonly string[], env: Record<string, string>): ChildProcess {
    const ours = { PATH: process.env['PATH'], HOME: folder };
    const child = spawn(program, words, { cwd: server, env: { ...ours, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    running.push(child);
    return child;
  }

  function environmentOf(name: string): Record<string, string> {
    const environment = services[name]?.environment ?? {};
    const blobs = new URL(environment['TACET_BLOBS_URL'] ?? '');
    blobs.hostname = bucket.place.bucket;
    blobs.searchParams.set('endpoint', s3.endpoint);
    return {
      ...environment,
      TACET_HOME: join(folder, 'home'),
      TACET_KEYS_DIR: join(folder, 'keys'),
      TACET_LISTEN: '127.0.0.1:0',
      TACET_METRICS_LISTEN: '127.0.0.1:0',
      TACET_DATABASE_URL: database.url,
      TACET_BLOBS_URL: blobs.href,
      AWS_ACCESS_KEY_ID: s3.accessKey,
      AWS_SECRET_ACCESS_KEY: s3.secretKey,
    };
  }
});
