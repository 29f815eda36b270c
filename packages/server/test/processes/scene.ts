/** Any number of `serve` and `work` processes on one PostgreSQL database, one vault and one folder of recordings. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type App, openApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { silentLog } from '../../src/lib/log.ts';
import { expectAtRest } from '../crash/invariants.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startApp } from '../support/harness.ts';
import { newDatabase, type PostgresServer, type TestDatabase } from '../support/postgres.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';

/** Every lease of a process that is gone is over by then. */
const laterMs = 5 * 60_000;

type Credentials = { clientId: string; clientSecret: string };

export class ProcessesScene {
  readonly folder: string;
  readonly database: TestDatabase;
  readonly #credentials: Credentials;
  readonly #processes: TacetProcess[] = [];

  private constructor(folder: string, database: TestDatabase, credentials: Credentials) {
    this.folder = folder;
    this.database = database;
    this.#credentials = credentials;
  }

  /** An archive with a tenant and a client, and nobody in it. */
  static async open(server: PostgresServer): Promise<ProcessesScene> {
    const [folder, database] = [await mkdtemp(join(tmpdir(), 'tacet-processes-')), await newDatabase(server)];
    const seeding = await startApp({ folder, env: settingsOf(folder, database), workers: 0 });
    await seeding.close();
    return new ProcessesScene(folder, database, seeding.client);
  }

  get config(): Config {
    return readConfig(settingsOf(this.folder, this.database));
  }

  /** Starts `tacet ARGS`, with short leases, and waits until it says that it is up. */
  async start(args: readonly string[], env: Record<string, string> = {}): Promise<TacetProcess> {
    const started = this.spawn(args, env);
    await isUp(started);
    return started;
  }

  /** Starts `tacet ARGS`. */
  spawn(args: readonly string[], env: Record<string, string> = {}): TacetProcess {
    const leases = { TACET_JOB_LEASE: '2s', TACET_UPLOAD_LEASE: '2s' };
    const started = startTacet(args, { ...settingsOf(this.folder, this.database), ...leases, ...env });
    this.#processes.push(started);
    return started;
  }

  /** A client of one of the servers, with a token that it has given. */
  async client(server: TacetProcess): Promise<CreovaiClient> {
    const url = await server.listening;
    return new CreovaiClient(url, await this.token(url));
  }

  async token(url: string): Promise<string> {
    const { clientId, clientSecret } = this.#credentials;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const answer = await fetch(`${url}/Token`, { method: 'POST', body: new URLSearchParams(form) });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  /** Looks at the archive with a process of its own. Its clock is `aheadMs` ahead. */
  async look<T>(work: (app: App) => Promise<T>, { aheadMs = 0 } = {}): Promise<T> {
    const clock = { now: () => Date.now() + aheadMs };
    const app = await openApp(this.config, { log: silentLog, clock });
    try {
      return await work(app);
    } finally {
      await app.close();
    }
  }

  /** Waits until no job is left, by the hands of whoever runs. */
  async untilNoJobs(): Promise<void> {
    await this.look(async ({ engine }) => {
      await until(async () => (await engine.store.reads.jobs.nextRunAt()) === undefined);
    });
  }

  /** Everything that must hold once nothing runs, in the eyes of a later process; each erasure was completed once. */
  async expectAtRest(): Promise<void> {
    await this.look(
      async (app) => {
        await app.prepare();
        while ((await sweepAbandonedUploads(app.engine)) > 0);
        await app.engine.rootKeys.seal();
        await app.engine.rootKeys.expire();
      },
      { aheadMs: laterMs },
    );
    await this.look(async (app) => {
      await expectAtRest(app, this.config);
      const { reads } = app.engine.store;
      const completed = (await reads.audit.page('', 10_000)).filter((one) => one.event === 'erasure.completed');
      expect(completed).toHaveLength((await reads.erasures.page('', 10_000)).length);
      const jobs = await reads.jobs.list({ unfinishedOnly: false, limit: 10_000 });
      expect(jobs.filter((job) => job.finishedAt === null)).toEqual([]);
    });
  }

  /** Ends what runs, and removes everything. */
  async remove(): Promise<void> {
    for (const { child } of this.#processes) child.kill('SIGKILL');
    await Promise.all(this.#processes.map(({ ended }) => ended));
    await this.database.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Ends a process in order, which it does in time and without a fault. */
export async function expectEnds({ child, ended, errors }: TacetProcess): Promise<void> {
  const told = performance.now();
  child.kill('SIGTERM');
  expect(await ended, errors()).toMatchObject({ code: 0, signal: null });
  expect(performance.now() - told).toBeLessThan(15_000);
}

function settingsOf(folder: string, { url }: TestDatabase): Record<string, string> {
  return {
    TACET_HOME: join(folder, 'home'),
    TACET_DATABASE_URL: url,
    TACET_BACKUP_HORIZON: '0',
    TACET_LISTEN: '127.0.0.1:0',
  };
}

async function isUp({ child, ended, errors }: TacetProcess): Promise<void> {
  const up = (async () => {
    for (;;) {
      const [chunk] = child.stdout === null ? [] : await once(child.stdout, 'data');
      if (/^(working|listening on .*)$/m.test(String(chunk))) return;
    }
  })();
  const failed = ended.then(() => {
    throw new Error(`it ended before it was up: ${errors()}`);
  });
  await Promise.race([up, failed]);
}
