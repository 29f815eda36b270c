/** A PostgreSQL server that is killed and started again under those who work. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { newId } from '../../src/lib/ids.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import type { CreovaiClient } from '../support/creovai-client.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { newDatabase, postgresServer } from '../support/postgres.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { expectEnds, ProcessesScene } from './scene.ts';

const isThere = postgresServer() !== undefined;
const caseMsMax = 120_000;
const audio = randomBytes(20_000);
const crashes = 2;

describe.skipIf(!isThere)('a PostgreSQL server that is killed', { timeout: caseMsMax }, () => {
  let server: OwnPostgres;

  beforeAll(async () => {
    server = await OwnPostgres.start();
  }, caseMsMax);

  afterAll(async () => await server.remove(), caseMsMax);

  test('and started again lets everything go on by itself: what was answered is so, and the rest was told to come again', async () => {
    const scene = await ProcessesScene.open(server);
    const processes = [await scene.start(['serve']), await scene.start(['work'])] as const;
    const client = await scene.client(processes[0]);
    const seen = new Set<number>();
    const lives = new Map<string, string>();
    let [isOver, rounds] = [false, 0];
    const life = async (lane: number) => {
      while (!isOver) {
        const session = `lane ${lane} round ${rounds}`;
        const phone = `+1512555${1000 + rounds}`;
        rounds += 1;
        lives.set(session, 'Complete');
        await answered(async () => (await client.archive(session, phone, audio)).status, seen);
        if (rounds % 3 === 0) continue;
        await purged(client, session);
        lives.set(session, 'NotFound');
      }
    };
    const lanes = [life(0), life(1), life(2)];
    for (let crash = 0; crash < crashes; crash += 1) {
      const soFar = rounds;
      await Promise.race([until(async () => rounds > soFar + 4), ...lanes]);
      await server.kill();
      await server.again();
      await Promise.race([until(async () => (await readyOf(processes[0])) === 200), ...lanes]);
    }
    isOver = true;
    await Promise.all(lanes);
    // Every answer was a good one, or said to come again.
    expect([...seen].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await scene.untilNoJobs();
    for (const [session, status] of lives) expect([session, await client.status(session)]).toEqual([session, status]);
    for (const one of processes) await expectEnds(one);
    await scene.expectAtRest();
    await scene.remove();
  });

  test('in the middle of a transaction has it run again, and one that was done is not', async () => {
    const database = await newDatabase(server);
    const store = openPostgresStore({ url: database.url });
    await store.migrate();
    let ran = 0;
    const tenant = await store.write(async (tx) => {
      ran += 1;
      const made = await tx.tenants.insert({ id: newId(clock.now()), slug: 'crashed', region: 'US', createdAt: ran });
      if (ran === 1) {
        await server.kill();
        await server.again();
      }
      return made;
    });
    expect(ran).toBe(2);
    expect(await store.reads.tenants.list()).toEqual([tenant]);
    await store.close();
    await database.remove();
  });

  test.each([
    ['had not heard of a COMMIT has the transaction run again', 'before', 2],
    ['had done a COMMIT cannot be asked for it: nobody knows whose the number is by now', 'after', 1],
  ] as const)('and %s', async (_what, at, times) => {
    const database = await newDatabase(server);
    const url = new URL(database.url);
    const proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) });
    url.port = `${proxy.port}`;
    const store = openPostgresStore({ url: url.href });
    await store.migrate();
    const cut = proxy.cutAt('COMMIT\0', at).then(async () => {
      proxy.setOpen(false);
      await server.kill();
      await server.again();
      proxy.setOpen(true);
    });
    let ran = 0;
    const writing = store.write(async (tx) => {
      ran += 1;
      return await tx.tenants.insert({ id: newId(clock.now()), slug: 'crashed', region: 'US', createdAt: ran });
    });
    if (at === 'before') await writing;
    else await expect(writing).rejects.toMatchObject({ code: 'store_failed' });
    await cut;
    expect(ran).toBe(times);
    expect(await store.reads.tenants.list()).toHaveLength(1);
    await store.close();
    await proxy.close();
    await database.remove();
  });
});

/** Asks until the answer is 200; a status of every answer is noted. */
async function answered(ask: () => Promise<number>, seen: Set<number>): Promise<void> {
  await until(async () => {
    const status = await ask();
    seen.add(status);
    return status === 200;
  });
}

/** Asks to purge a session until it is gone. A refusal throws in the client, and may be only that it is to come again. */
async function purged(client: CreovaiClient, session: string): Promise<void> {
  await until(async () => {
    try {
      await client.purge('/sessions', { ids: [session] });
      return (await client.status(session)) === 'NotFound';
    } catch (error) {
      if (error instanceof Error && error.message.includes('answered 503')) return false;
      throw error;
    }
  });
}

async function readyOf({ listening }: { listening: Promise<string> }): Promise<number> {
  return (await fetch(`${await listening}/readyz`)).status;
}
