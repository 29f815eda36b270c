import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { type App, type AppParts, openApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { createClient, type NewCredentials } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { operator } from '../../src/engine/access/operator.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { buildServer } from '../../src/http/server.ts';
import type { Log } from '../../src/lib/log.ts';
import { PasswordHasher } from '../../src/lib/password-hash.ts';
import { type Scope, scopes, type Tenant } from '../../src/model/tenant.ts';
import { placesIn } from './pair.ts';

export type TestApp = {
  app: App;
  engine: Engine;
  config: Config;
  /** Folder that holds home and vault; removed by `close`. */
  folder: string;
  /** Not listening until `url` is asked for by `listen`. */
  http: FastifyInstance;
  listen(): Promise<string>;
  tenant: Tenant;
  client: NewCredentials;
  /** Every line logged so far. */
  logged: string[];
  /** The next line from now on that matches, as an object: to wait for what the product says it has done. */
  nextLog(matches: (line: LogLine) => boolean): Promise<LogLine>;
  /** A token of a new client of the tenant with these scopes (default: all). */
  token(allowed?: readonly Scope[], tenant?: Tenant): Promise<string>;
  caller(allowed?: readonly Scope[]): Caller;
  close(): Promise<void>;
};

type LogLine = Record<string, unknown> & { event: string };

export type TestAppOptions = AppParts & {
  env?: Record<string, string>;
  /** Default 1. */
  workers?: number;
  folder?: string;
  region?: string;
};

/** What a secret costs is a matter of `password-hash.test.ts`; here there are thousands of them. */
const cheapHasher = new PasswordHasher({ memoryKib: 64, passes: 1 });

/** An archive in a folder of its own, with a tenant and a client, ready for requests. */
export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'tacet-test-')));
  const places = await placesIn(folder);
  const env = { TACET_HOME: join(folder, 'home'), TACET_LISTEN: '127.0.0.1:0', ...places.env, ...options.env };
  const config = readConfig(env);
  const logged: string[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  const app = await openApp(config, { log: recordingLog(logged, listeners), ...options });
  await app.prepare();
  const { engine } = app;
  engine.access.hasher = cheapHasher;
  const tenant = await createTenant(engine, {
    slug: `t-${Math.random().toString(36).slice(2)}`,
    region: options.region ?? 'US',
  });
  const client = await createClient(engine, tenant, { scopes: [...scopes], actor: operator });
  let address = 'http://127.0.0.1';
  const http = buildServer(engine, {
    trustProxy: config.trustProxy,
    publicUrl: () => config.publicUrl ?? address,
    rateLimit: config.rateLimit,
    corsOrigins: config.corsOrigins,
  });
  app.startBackground(options.workers ?? 1);
  const caller = (allowed: readonly Scope[] = scopes): Caller => ({
    tenant,
    actor: { kind: 'client', id: client.clientId },
    scopes: new Set(allowed),
  });
  return {
    app,
    engine,
    config,
    folder,
    http,
    tenant,
    client,
    logged,
    nextLog: async (matches) =>
      await new Promise((resolve) => {
        const listen = (line: LogLine) => {
          if (!matches(line)) return;
          listeners.delete(listen);
          resolve(line);
        };
        listeners.add(listen);
      }),
    caller,
    async listen() {
      address = await http.listen({ host: '127.0.0.1', port: 0 });
      return address;
    },
    async token(allowed = scopes, of = tenant) {
      const made = await createClient(engine, of, { scopes: [...allowed], actor: operator });
      const asked = { clientId: made.clientId, secret: made.clientSecret, address: '127.0.0.1' };
      return (await issueToken(engine, asked)).token;
    },
    async close() {
      await http.close();
      await app.close();
      if (options.folder === undefined) await places.remove();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function recordingLog(lines: string[], listeners: ReadonlySet<(line: LogLine) => void>): Log {
  const say = (event: string, fields?: object) => {
    lines.push(JSON.stringify({ event, ...fields }));
    for (const listen of [...listeners]) listen({ event, ...fields });
  };
  return { info: say, warn: say, error: say };
}
