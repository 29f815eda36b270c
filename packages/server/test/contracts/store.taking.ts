import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import type { LockKey } from '../../src/model/locks.ts';
import type { Store, StoreTx } from '../../src/model/store.ts';
import {
  addTenant,
  answerOf,
  artifactOf,
  callOf,
  candidateOf,
  clientOf,
  lateOf,
  taskOf,
  tokenOf,
  uploadOf,
  userOf,
} from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

const writers = 8;

/** Writes that come at once, each of which decides by what it has read a moment before. Tells what each gave. */
async function atOnce<T>(store: Store, work: (tx: StoreTx, no: number) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: writers }, (_, no) => store.write(async (tx) => await work(tx, no))));
}

/** A number that every one of them has added one to: none has overwritten what another wrote after it had looked. */
async function expectCounted(
  store: Store,
  step: (tx: StoreTx) => Promise<number>,
  add: (tx: StoreTx, value: number) => Promise<unknown>,
): Promise<void> {
  const seen = await atOnce(store, async (tx) => {
    const value = await step(tx);
    await nextTurn();
    await add(tx, value + 1);
    return value;
  });
  expect(seen.toSorted((a, b) => a - b)).toEqual(seen.map((_, i) => i));
}

/** What a write transaction has found, or locked, nobody changes before it has ended. */
export const takingCases = {
  'a call that was found, alone or among others, stays as it is': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = [uploadOf(tenant, 0), uploadOf(tenant, 0)];
    const ids = calls.map((call) => call.id);
    await store.write(async (tx) => {
      for (const call of calls) await tx.calls.insert(call);
    });
    const add = async (tx: StoreTx, value: number) => {
      for (const id of ids) await tx.calls.update(id, { uploadUntil: value });
    };
    const [first = ''] = ids;
    await expectCounted(store, async (tx) => (await tx.calls.find(tenant.id, first))?.uploadUntil ?? -1, add);
    await store.write(async (tx) => await add(tx, 0));
    let isTurned = false;
    const findAll = async (tx: StoreTx) => {
      // In whatever order they are asked for.
      isTurned = !isTurned;
      const found = await tx.calls.findMany(tenant.id, isTurned ? ids : ids.toReversed());
      return Math.min(...found.map((call) => call.uploadUntil ?? -1));
    };
    await expectCounted(store, findAll, add);
  },
  'a call that was locked stays as it is, and peeking at it shows what others have committed': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = uploadOf(tenant, 0);
    await store.write((tx) => tx.calls.insert(call));
    const lockAndPeek = async (tx: StoreTx) => {
      await tx.calls.lock([call.id, 'nobody']);
      return (await tx.calls.peek(tenant.id, [call.id]))[0]?.uploadUntil ?? -1;
    };
    await expectCounted(
      store,
      lockAndPeek,
      async (tx, value) => await tx.calls.update(call.id, { uploadUntil: value }),
    );
    expect(await store.reads.calls.peek(tenant.id, ['nobody', call.id])).toEqual([{ ...call, uploadUntil: writers }]);
    await store.write(async (tx) => await tx.calls.lock([]));
  },
  'a candidate that was found or locked stays as it is': async ({ store }) => {
    const task = taskOf(await addTenant(store));
    const candidate = candidateOf(task, { status: 'ADDING', updatedAt: 0 });
    const { id, tenantId } = candidate;
    await store.write((tx) => tx.candidates.insert([candidate]));
    const add = async (tx: StoreTx, value: number) => await tx.candidates.renew([id], value);
    const steps = [
      async (tx: StoreTx) => await tx.candidates.find(tenantId, id),
      async (tx: StoreTx) => (await tx.candidates.findMany(tenantId, [id]))[0],
      async (tx: StoreTx) => {
        await tx.candidates.lock([id]);
        return (await tx.candidates.peek(tenantId, [id]))[0];
      },
    ];
    for (const step of steps) {
      await store.write(async (tx) => await add(tx, 0));
      await expectCounted(store, async (tx) => (await step(tx))?.updatedAt ?? -1, add);
    }
    expect(await store.reads.candidates.peek(tenantId, [id])).toEqual([{ ...candidate, updatedAt: writers }]);
  },
  'a candidate that was found by what it carries stays as it is': async ({ store }) => {
    const tenant = await addTenant(store);
    const task = taskOf(tenant);
    const candidate = candidateOf(task);
    const token = tokenOf(candidate);
    await store.write(async (tx) => {
      await tx.candidates.insert([candidate]);
      await tx.tokens.insertTokens([token]);
    });
    const found = await atOnce(store, async (tx) => {
      const carriers = await tx.candidates.carriers(tenant.id, task.id, 'phone', [token]);
      await nextTurn();
      await tx.candidates.cancel([candidate.id], 2);
      return carriers.map(({ status }) => status);
    });
    expect(found.flat()).toEqual(['PENDING']);
  },
  'a task that was found, by its id or its day, stays as it is': async ({ store }) => {
    const tenant = await addTenant(store);
    const of = { botId: 'a bot', templateId: null, day: 20_000 };
    const task = taskOf(tenant, { ...of, updatedAt: 0 });
    await store.write((tx) => tx.tasks.insert(task));
    const add = async (tx: StoreTx, value: number) => await tx.tasks.update(task.id, { updatedAt: value });
    const steps = [
      async (tx: StoreTx) => await tx.tasks.find(tenant.id, task.id),
      async (tx: StoreTx) => (await tx.tasks.findMany(tenant.id, [task.id]))[0],
      async (tx: StoreTx) => await tx.tasks.findOfDay(tenant.id, of),
    ];
    for (const step of steps) {
      await store.write(async (tx) => await add(tx, 0));
      await expectCounted(store, async (tx) => (await step(tx))?.updatedAt ?? -1, add);
    }
  },
  'a user and a client who were found stay as they are': async ({ store }) => {
    const tenant = await addTenant(store);
    const [user, client] = [userOf(tenant, { version: 0 }), clientOf(tenant, { version: 0 })];
    const { number } = await store.write(async (tx) => {
      await tx.clients.insert(client);
      return await tx.users.insert(user);
    });
    for (const by of [{ id: user.id }, { tenantId: tenant.id, login: user.login }, { number }]) {
      await store.write(async (tx) => await tx.users.update(user.id, { version: 0 }));
      await expectCounted(
        store,
        async (tx) => (await tx.users.find(by))?.version ?? -1,
        async (tx, version) => await tx.users.update(user.id, { version }),
      );
    }
    await expectCounted(
      store,
      async (tx) => (await tx.clients.find(client.id))?.version ?? -1,
      async (tx, version) => await tx.clients.update(client.id, { version }),
    );
  },
  'a kept answer and a late artifact that were found stay as they are': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const answer = answerOf(call, { status: 0 });
    const { tenantId, key } = answer;
    await store.write(async (tx) => {
      await tx.answers.insert(answer);
      await tx.artifacts.insert([artifactOf(call, 7, { kind: 'recording', sealed: null })]);
      await tx.lateArtifacts.insert(lateOf(call, 7, 0));
    });
    const add = async (tx: StoreTx, status: number) =>
      await tx.answers.finish(tenantId, key, { status, sealed: Buffer.alloc(1) });
    await expectCounted(store, async (tx) => (await tx.answers.find(tenantId, key))?.status ?? -1, add);
    await store.write(async (tx) => await add(tx, 0));
    await expectCounted(store, async (tx) => (await tx.answers.ofSubject(call.id))[0]?.status ?? -1, add);
    await expectCounted(
      store,
      async (tx) => (await tx.lateArtifacts.ofCalls([call.id]))[0]?.leaseUntil ?? -1,
      async (tx, until) => await tx.lateArtifacts.renew(7, until),
    );
  },
  'what is locked that has no row stays away': async ({ store }) => {
    const tenant = await addTenant(store);
    const key: LockKey = { tenantId: tenant.id, what: 'session', digest: Buffer.from('a digest') };
    const made = await atOnce(store, async (tx) => {
      await tx.locks.take([key], 'alone');
      if ((await tx.calls.count(tenant.id)) > 0) return false;
      await nextTurn();
      await tx.calls.insert(callOf(tenant));
      return true;
    });
    expect(made.filter(Boolean)).toHaveLength(1);
  },
  'any number of locks is taken at once, in whatever order, some of them again': async ({ store }) => {
    const tenant = await addTenant(store);
    const keys = Array.from({ length: 3000 }, (_, no): LockKey => {
      return { tenantId: tenant.id, what: 'session', digest: `${no}` };
    });
    const seen = await atOnce(store, async (tx, no) => {
      await tx.locks.take(no % 2 === 0 ? keys : keys.toReversed(), 'alone');
      await tx.locks.take(keys.slice(no), 'shared');
      await tx.locks.take([], 'alone');
      const count = await tx.calls.count(tenant.id);
      await tx.calls.insert(callOf(tenant));
      return count;
    });
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen.map((_, i) => i));
  },
} satisfies StoreCases;
