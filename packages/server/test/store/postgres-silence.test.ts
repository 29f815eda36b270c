/** A network between a process and its PostgreSQL server that swallows everything, and tells nobody. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import { PostgresWatch } from '../../src/store/postgres-watch.ts';
import { newDatabase, type TestDatabase } from '../support/postgres.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { addTenant, id } from '../support/store-rows.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** The server is looked at every 2 s, and has 10 s to answer; the rest is for a machine that is busy. */
const noticedMsMax = 15_000;
const busyTimeoutMs = 1_000;

describeWithPostgres('a server that has gone silent', (server) => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let watch: PostgresWatch;
  const logged: string[] = [];

  beforeEach(async () => {
    database = await newDatabase(server);
    const url = new URL(database.url);
    proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) });
    const say = (event: string) => void logged.push(event);
    watch = await PostgresWatch.hold({ url: urlBy(proxy), use: 'shared', log: { info: say, warn: say, error: say } });
  });

  afterEach(async () => {
    await watch.release();
    await proxy.close();
    await database.remove();
  });

  function urlBy({ port }: TcpProxy): string {
    const url = new URL(database.url);
    url.host = `127.0.0.1:${port}`;
    return url.href;
  }

  test('is noticed in time, whoever waits for it is answered by then, and all goes on when it speaks again', {
    timeout: 60_000,
  }, async () => {
    watch.attend({
      prove: async (found) => found.refuseLost(),
      // New connections are carried again from here on. Those in use stay silent, and are answered all the same.
      lost: () => proxy.setSilent(false),
      hinted: () => undefined,
    });
    const store = openPostgresStore({ url: urlBy(proxy), watch, busyTimeoutMs });
    await store.migrate();
    const list = async () => await store.reads.tenants.list();
    const tenant = await addTenant(store);
    // Two connections for readers are there; of those who read in the silence the others want new ones.
    await Promise.all([list(), list()]);

    const silentSince = performance.now();
    const asking: Promise<unknown>[] = [];
    const writing = store.write(async (tx) => {
      await tx.tenants.insert({ id: id(), slug: 'unheard', region: 'US', createdAt: 1 });
      proxy.setSilent(true);
      asking.push(writing, ...Array.from({ length: 4 }, list));
      return await tx.tenants.list();
    });
    await until(async () => asking.length > 0);
    const answers = await Promise.allSettled(asking);
    const ms = performance.now() - silentSince;
    const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'store_busy' }) };
    expect(answers).toEqual(answers.map(() => refused));
    expect(ms).toBeLessThan(noticedMsMax);

    await until(async () => logged.includes('database.found'));
    expect(await list()).toEqual([tenant]);
    const later = await addTenant(store);
    expect(await list()).toEqual([tenant, later]);
    expect(logged).toEqual(['database.lost', 'database.found']);
    await store.close();
  });
});
