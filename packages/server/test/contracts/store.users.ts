import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { Bug } from '../../src/model/errors.ts';
import type { User } from '../../src/model/tenant.ts';
import { addTenant, answerOf, callOf, id, userOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** Users, and what is kept of answered requests. */
export const userCases = {
  'users get numbers of their own in order, never one that was given before': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const asked = [userOf(ours), userOf(theirs), userOf(ours)];
    const numbers: number[] = [];
    for (const user of asked) numbers.push((await store.write((tx) => tx.users.insert(user))).number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(3);
    const undone = store.write(async (tx) => {
      await tx.users.insert(userOf(ours));
      throw new Error('called off');
    });
    await expect(undone).rejects.toThrow('called off');
    const last = await store.write((tx) => tx.users.insert(userOf(ours)));
    expect(last.number).toBeGreaterThan(numbers.at(-1) ?? 0);
  },
  'a user keeps every field, is found by id, number and login, and listed by tenant': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const login = Buffer.from(Array.from({ length: 32 }, (_, byte) => 255 - byte));
    const [user, second, other] = await store.write(async (tx) => [
      await tx.users.insert(userOf(ours, { login, disabledAt: 5, version: 7 })),
      await tx.users.insert(userOf(ours, { scopes: [] })),
      await tx.users.insert(userOf(theirs)),
    ]);
    const { users } = store.reads;
    expect(user).toMatchObject({ login, disabledAt: 5, version: 7, scopes: ['calls:read', 'erasures:execute'] });
    const tenantId = ours.id;
    for (const by of [{ id: user.id }, { number: user.number }, { tenantId, login }]) {
      expect(await users.find(by)).toEqual(user);
    }
    const unknown = [
      { tenantId, login: Buffer.alloc(32) },
      { tenantId: theirs.id, login },
    ];
    for (const by of [{ id: id() }, { number: other.number + 1 }, ...unknown]) {
      expect(await users.find(by)).toBeUndefined();
    }
    expect(await users.list(ours.id)).toEqual([user, second]);
    expect(await users.list(theirs.id)).toEqual([other]);
    expect(await users.list(id())).toEqual([]);
  },
  'users are read in pages by number, of all tenants': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const users: User[] = [];
    for (const tenant of [ours, theirs, ours]) users.push(await store.write((tx) => tx.users.insert(userOf(tenant))));
    const first = await store.reads.users.page(0, 2);
    expect(first).toEqual(users.slice(0, 2));
    expect(await store.reads.users.page(first.at(-1)?.number ?? 0, 2)).toEqual(users.slice(2));
    expect(await store.reads.users.page(users.at(-1)?.number ?? 0, 2)).toEqual([]);
  },
  'a login is taken once in a tenant, and those of all tenants are found, oldest first': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const user = await store.write((tx) => tx.users.insert(userOf(theirs)));
    const { login } = user;
    const other = await store.write((tx) => tx.users.insert(userOf(ours, { login })));
    await store.write((tx) => tx.users.insert(userOf(ours)));
    for (const tenant of [ours, theirs]) {
      await expect(store.write((tx) => tx.users.insert(userOf(tenant, { login })))).rejects.toThrow();
    }
    expect(await store.reads.users.withLogin(login)).toEqual([user, other]);
    expect(await store.write((tx) => tx.users.withLogin(login))).toEqual([user, other]);
    expect(await store.reads.users.withLogin(Buffer.alloc(32))).toEqual([]);
  },
  'a user changes what is named and nothing else, and must be there': async ({ store }) => {
    const tenant = await addTenant(store);
    const [user, other] = await store.write(async (tx) => [
      await tx.users.insert(userOf(tenant)),
      await tx.users.insert(userOf(tenant)),
    ]);
    await store.write((tx) => tx.users.update(user.id, {}));
    await store.write((tx) => tx.users.update(user.id, { passwordHash: 'new', version: 2, disabledAt: 9 }));
    await store.write((tx) => tx.users.update(user.id, { disabledAt: null }));
    const login = randomBytes(32);
    await store.write((tx) => tx.users.update(user.id, { login }));
    const changed = { ...user, login, passwordHash: 'new', version: 2 };
    expect(await store.reads.users.list(tenant.id)).toEqual([changed, other]);
    const found = async (by: Uint8Array) => await store.reads.users.withLogin(by);
    expect([await found(login), await found(user.login)]).toEqual([[changed], []]);
    await expect(store.write((tx) => tx.users.update(id(), { version: 3 }))).rejects.toThrow(Bug);
  },
  'the first request with a key is kept, another one with it is told so and changes nothing': async ({ store }) => {
    const tenant = await addTenant(store);
    const answer = answerOf(callOf(tenant));
    const again = { ...answer, subjectId: id(), status: 201, createdAt: 9 };
    expect(await store.write((tx) => tx.answers.insert(answer))).toBe(true);
    expect(await store.write((tx) => tx.answers.insert(again))).toBe(false);
    expect(await store.reads.answers.find(tenant.id, answer.key)).toEqual(answer);
    expect(await store.reads.answers.find(tenant.id, Buffer.alloc(16))).toBeUndefined();
  },
  'two tenants may use one key, and neither is told of the other': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const mine = answerOf(callOf(ours));
    const foreign = answerOf(callOf(theirs), { key: mine.key });
    await store.write((tx) => tx.answers.insert(mine));
    expect(await store.reads.answers.find(theirs.id, mine.key)).toBeUndefined();
    expect(await store.write((tx) => tx.answers.insert(foreign))).toBe(true);
    await store.write((tx) => tx.answers.finish(theirs.id, mine.key, { status: 201, sealed: Buffer.from('s') }));
    expect(await store.reads.answers.find(ours.id, mine.key)).toEqual(mine);
    const finished = { ...foreign, status: 201, sealed: Buffer.from('s') };
    expect(await store.reads.answers.find(theirs.id, mine.key)).toEqual(finished);
    const unknown = store.write((tx) =>
      tx.answers.finish(ours.id, Buffer.alloc(16), { status: 1, sealed: Buffer.alloc(0) }),
    );
    await expect(unknown).rejects.toThrow(Bug);
  },
  'all that is kept of a call is found by it, and nothing of another': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [callOf(tenant), callOf(tenant)];
    const finished = answerOf(call, { key: Buffer.alloc(16, 2), status: 201, sealed: Buffer.from('s') });
    const underWay = answerOf(call, { key: Buffer.alloc(16, 1) });
    await store.write(async (tx) => {
      for (const answer of [finished, answerOf(other), underWay]) await tx.answers.insert(answer);
      expect(await tx.answers.ofSubject(call.id)).toEqual([underWay, finished]);
    });
    expect(await store.reads.answers.ofSubject(call.id)).toEqual([underWay, finished]);
    expect(await store.reads.answers.ofSubject(id())).toEqual([]);
  },
  'a finished answer is sealed anew, and keeps all else; one that is under way, foreign or unknown is not': async ({
    store,
  }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [finished, underWay] = [
      answerOf(callOf(ours), { status: 201, sealed: Buffer.from('before') }),
      answerOf(callOf(ours)),
    ];
    const sealed = Buffer.from('after');
    await store.write(async (tx) => {
      for (const answer of [finished, underWay]) await tx.answers.insert(answer);
      await tx.answers.setSealed(ours.id, finished.key, sealed);
    });
    expect(await store.reads.answers.find(ours.id, finished.key)).toEqual({ ...finished, sealed });
    for (const [tenantId, key] of [
      [ours.id, underWay.key],
      [theirs.id, finished.key],
      [ours.id, Buffer.alloc(16)],
    ] as const) {
      await expect(store.write((tx) => tx.answers.setSealed(tenantId, key, sealed))).rejects.toThrow(Bug);
    }
    expect(await store.reads.answers.find(ours.id, underWay.key)).toEqual(underWay);
  },
  'a call that goes takes its unanswered requests with it, and no answered one': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [callOf(tenant), callOf(tenant)];
    const [waiting, answered, others] = [answerOf(call), answerOf(call, { status: 201 }), answerOf(other)];
    await store.write(async (tx) => {
      for (const answer of [waiting, answered, others]) await tx.answers.insert(answer);
      await tx.answers.dropUnfinished(call.id);
    });
    const left = async (key: Uint8Array) => (await store.reads.answers.find(tenant.id, key)) !== undefined;
    expect([await left(waiting.key), await left(answered.key), await left(others.key)]).toEqual([false, true, true]);
  },
  'old answers are dropped oldest first, finished or not, no more than asked for': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const answers = [30, 10, 20, 40].map((createdAt) => answerOf(call, { createdAt, status: createdAt }));
    await store.write(async (tx) => {
      for (const answer of answers) await tx.answers.insert(answer);
    });
    const left = async () => {
      const found = [];
      for (const { key } of answers) found.push((await store.reads.answers.find(call.tenantId, key))?.createdAt);
      return found;
    };
    expect(await store.write((tx) => tx.answers.dropOld(40, 2))).toBe(2);
    expect(await left()).toEqual([30, undefined, undefined, 40]);
    expect(await store.write((tx) => tx.answers.dropOld(40, 9))).toBe(1);
    expect(await store.write((tx) => tx.answers.dropOld(40, 9))).toBe(0);
    expect(await left()).toEqual([undefined, undefined, undefined, 40]);
  },
  'answers from the future are dropped, no more than asked for': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const [now, ...ahead] = [40, 41, 42, 43].map((createdAt) => answerOf(call, { createdAt }));
    await store.write(async (tx) => {
      for (const answer of [...ahead, ...(now ? [now] : [])]) await tx.answers.insert(answer);
    });
    const drop = async (limit: number) => await store.write((tx) => tx.answers.dropAhead(40, limit));
    expect([await drop(2), await drop(2), await drop(2)]).toEqual([2, 1, 0]);
    const found = [];
    for (const one of [now, ...ahead]) {
      found.push(await store.reads.answers.find(call.tenantId, one?.key ?? Buffer.alloc(0)));
    }
    expect(found).toEqual([now, undefined, undefined, undefined]);
  },
} satisfies StoreCases;
