/** Which calls are held is found from their side, and is what enumerating every hold would tell. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { Caller } from '../../src/engine/context.ts';
import { heldAmong } from '../../src/engine/holds/held-calls.ts';
import { type NewHold, placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { Identifier } from '../../src/model/call.ts';
import { newCallOf } from '../crash/life.ts';
import { sendEvent } from '../crash/life-events.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { PlanClient } from '../support/plan-client.ts';
import type { PostgresServer } from '../support/postgres.ts';
import { newMigratedDatabase } from '../support/postgres-stores.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { heldByEnumerating } from './enumerating.ts';

const phones = ['+15125550101', '+15125550102', '+15125550103'];
const emails = ['casey@example.com', 'robin@example.com'];
const days = [1, 2, 3].map((day) => Date.parse(`2026-03-0${day}T10:00:00Z`));

const identifiers: Identifier[] = [
  ...phones.map((value) => ({ kind: 'phone', value }) as const),
  ...emails.map((value) => ({ kind: 'email', value }) as const),
  { kind: 'session', value: 'S-0' },
  { kind: 'session', value: 'coming' },
  { kind: 'external', value: 'X-0' },
  { kind: 'phone', value: '+15125559999' },
];

/** A tenant in which everything is that a hold may cover, and every id of it. */
type World = { app: TestApp; caller: Caller; ids: string[]; upload: Upload };

async function liveAWorld(app: TestApp): Promise<World> {
  const caller = app.caller();
  const { engine } = app;
  const client = new PlanClient(app, await app.token());
  const task = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
  const asked = phones.slice(0, 2).map((phone, i) => newCandidate(task, `c-${i}`, [phone]));
  const candidateIds = await addCandidates(engine, caller, asked, { start: true });
  const ids = [...candidateIds];
  for (const [i, startedAt] of [...days, ...days, ...days, ...days].entries()) {
    const participants = [
      { role: 'customer', phone: phones[i % 3], ...(i % 2 === 0 && { email: emails[(i / 2) % 2] }) },
    ];
    const candidateId = candidateIds[i % 4];
    const said = { participants, sessionId: `S-${i}`, externalId: `X-${i % 3}`, ...(candidateId && { candidateId }) };
    const { body, text } = await client.post('/v1/calls', { ...said, startedAt: new Date(startedAt).toISOString() });
    expect(body?.id, text).toBeTypeOf('string');
    ids.push(body.id);
  }
  const coming = { session: 'coming', phone: phones[2] ?? '', bytes: 0 };
  for (const call of [coming, { ...coming, session: 'never' }])
    await sendEvent(engine, caller, { call, field: 'early' });
  const upload = new Upload(engine, caller);
  await upload.describe(newCallOf(coming));
  const begun = await engine.store.reads.calls.page('', 100);
  return { app, caller, ids: [...new Set([...ids, ...begun.map(({ id }) => id)])], upload };
}

/** What somebody holds: any part of the world, at any time. */
function anyHold(ids: readonly string[]): fc.Arbitrary<NewHold> {
  const time = fc.option(fc.constantFrom(...days, ...days.map((day) => day + 1)), { freq: 3, nil: null });
  const some = {
    callIds: fc.subarray([...ids], { maxLength: 3 }),
    identifiers: fc.subarray(identifiers, { maxLength: 3 }),
  };
  return fc
    .record({ ...some, from: time, to: time, reviewAt: fc.constant(null), reason: fc.constant('a court asked') })
    .filter(
      ({ callIds, identifiers, from, to }) => callIds.length + identifiers.length > 0 || from !== null || to !== null,
    );
}

function heldAsEnumerated(world: () => World, numRuns: number) {
  return async () => {
    const { app, caller, ids } = world();
    const { engine } = app;
    const stranger = { ...caller, tenant: await createTenant(engine, { slug: `s-${Date.now()}`, region: 'US' }) };
    const all = { from: 0, to: null, reviewAt: null, reason: 'another court asked' };
    await placeHold(engine, stranger, { ...all, callIds: ids, identifiers });
    const seen = { held: 0, free: 0 };
    const holds = fc.array(anyHold(ids), { minLength: 0, maxLength: 4 });
    const property = fc.asyncProperty(holds, fc.nat(4), fc.subarray(ids), async (asked, turnsAt, some) => {
      const placed: string[] = [];
      for (const [i, hold] of asked.entries()) {
        // So that holds and calls stand under different epochs.
        if (i === turnsAt) await engine.epochs.begin(caller.tenant.id);
        placed.push((await placeHold(engine, caller, hold)).id);
      }
      for (const looked of [ids, some]) {
        const held = await heldAmong(engine, engine.store.reads, caller.tenant.id, looked);
        expect(held).toEqual(await heldByEnumerating(engine, caller.tenant.id, looked));
        expect(await engine.store.write(async (tx) => await heldAmong(engine, tx, caller.tenant.id, looked))).toEqual(
          held,
        );
        seen.held += held.size;
        seen.free += looked.length - held.size;
      }
      if (turnsAt < asked.length) await engine.epochs.finish(caller.tenant.id);
      for (const id of placed) await releaseHold(engine, caller, id);
      expect(await heldAmong(engine, engine.store.reads, caller.tenant.id, ids)).toEqual(new Set());
    });
    await fc.assert(property, { numRuns });
    expect(Math.min(seen.held, seen.free)).toBeGreaterThan(numRuns / 2);
  };
}

const promise = 'of any calls and candidates exactly those are held that some hold of the tenant covers';

describe('on SQLite', () => {
  let world: World;
  beforeAll(async () => {
    world = await liveAWorld(await startApp({ workers: 0 }));
  });
  afterAll(async () => {
    await world.upload.abort();
    await world.app.close();
  });

  test(
    promise,
    heldAsEnumerated(() => world, 40),
    60_000,
  );

  test('how many calls a hold covers does not matter to those asked about', async () => {
    const { app, caller } = world;
    const [phone] = identifiers;
    const hold = { callIds: [], identifiers: phone ? [phone] : [], from: null, to: null, reviewAt: null, reason: 'x' };
    const { id } = await placeHold(app.engine, caller, hold);
    const { reads } = app.engine.store;
    const tokens = { ...reads.tokens, owners: refuse, ownersOf: refuse };
    const calls = { ...reads.calls, idsOfCandidate: refuse };
    const found = await reads.calls.list(caller.tenant.id, { limit: 100 });
    const looked = found.map((call) => call.id);
    const held = await heldAmong(app.engine, { ...reads, tokens, calls }, caller.tenant.id, looked);
    expect(held.size).toBe(4);
    await releaseHold(app.engine, caller, id);
  });
});

async function refuse(): Promise<never> {
  throw new Error('this enumerates what a hold covers');
}

describeWithPostgres('on PostgreSQL', (server: PostgresServer) => {
  let world: World;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const database = await newMigratedDatabase(server);
    remove = async () => await database.remove();
    world = await liveAWorld(await startApp({ workers: 0, env: { TACET_DATABASE_URL: database.url } }));
  });
  afterAll(async () => {
    await world.upload.abort();
    await world.app.close();
    await remove();
  });

  test(
    promise,
    heldAsEnumerated(() => world, 15),
    60_000,
  );
});
