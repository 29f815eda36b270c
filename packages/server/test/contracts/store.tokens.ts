import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { TombstoneToken } from '../../src/model/erasure-store.ts';
import type { StoredToken } from '../../src/model/token-store.ts';
import { addTenant, callOf, id, tokenOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

const byToken = (a: { token: Uint8Array }, b: { token: Uint8Array }) =>
  Buffer.compare(Buffer.from(a.token), Buffer.from(b.token));

/** All of a token as one text, for comparing lists of them whatever their order. */
const wholeToken = ({ tenantId, kind, epoch, token, ownerId }: StoredToken) =>
  [tenantId, kind, epoch, Buffer.from(token).toString('hex'), ownerId].join(' ');

/** Tokens, their epochs, and tombstones. */
export const tokenCases = {
  'epochs of a tenant are told oldest first, until they are deleted': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const epochs = [3, 1, 2].map((number) => ({ id: id(), tenantId: ours.id, number, slot: 100 + number }));
    const foreign = { id: id(), tenantId: theirs.id, number: 1, slot: 200 };
    await store.write(async (tx) => {
      for (const epoch of [...epochs, foreign]) await tx.tokens.insertEpoch(epoch);
    });
    const sorted = epochs.toSorted((a, b) => a.number - b.number);
    expect(await store.reads.tokens.epochs(ours.id)).toEqual(sorted);
    await store.write(async (tx) => {
      if (sorted[0]) await tx.tokens.deleteEpoch(sorted[0]);
      expect(await tx.tokens.epochs(ours.id)).toEqual(sorted.slice(1));
    });
    expect(await store.reads.tokens.epochs(theirs.id)).toEqual([foreign]);
  },
  'an epoch number is used once per tenant': async ({ store }) => {
    const tenant = await addTenant(store);
    const epoch = { id: id(), tenantId: tenant.id, number: 1, slot: 1 };
    await store.write((tx) => tx.tokens.insertEpoch(epoch));
    await expect(store.write((tx) => tx.tokens.insertEpoch({ ...epoch, id: id(), slot: 2 }))).rejects.toThrow();
  },
  'owners are found by kind, epoch and token together, within the tenant': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [call, other] = [callOf(ours), callOf(ours)];
    const foreign = callOf(theirs);
    const token = Buffer.alloc(16, 1);
    const mine = tokenOf(call, { token, kind: 'phone', epoch: 2 });
    await store.write((tx) =>
      tx.tokens.insertTokens([
        mine,
        tokenOf(other, { token, kind: 'email', epoch: 2 }),
        tokenOf(other, { token, kind: 'phone', epoch: 1 }),
        tokenOf(foreign, { token, kind: 'phone', epoch: 2 }),
      ]),
    );
    expect(await store.reads.tokens.owners(ours.id, 'phone', [{ epoch: 2, token }], '', 10)).toEqual([call.id]);
    expect(await store.reads.tokens.owners(ours.id, 'phone', [], '', 10)).toEqual([]);
    expect(await store.reads.tokens.owners(id(), 'phone', [{ epoch: 2, token }], '', 10)).toEqual([]);
    expect(await store.reads.tokens.ofOwner(call.id)).toEqual([mine]);
  },
  'owners come once each, ascending, in pages, whichever of many tokens they carry': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = Array.from({ length: 10 }, () => callOf(tenant));
    const known = Array.from({ length: 40 }, (_, i) => ({ epoch: 1 + (i % 2), token: Buffer.alloc(16, i) }));
    const queries = [...known, ...Array.from({ length: 600 }, () => ({ epoch: 1, token: randomBytes(16) }))];
    const tokens = calls.flatMap((call, i) => [
      tokenOf(call, { epoch: 1, token: Buffer.alloc(16, 2 * i) }),
      tokenOf(call, { epoch: 2, token: Buffer.alloc(16, 39 - 2 * i) }),
    ]);
    await store.write((tx) => tx.tokens.insertTokens(tokens));
    const page = (afterId: string, limit: number) =>
      store.reads.tokens.owners(tenant.id, 'phone', queries, afterId, limit);
    const ids = calls.map((call) => call.id);
    expect(await page('', 100)).toEqual(ids);
    expect(await page('', 4)).toEqual(ids.slice(0, 4));
    expect(await page(ids[3] ?? '', 4)).toEqual(ids.slice(4, 8));
  },
  'a token that its owner carries already is not added again': async ({ store }) => {
    const token = tokenOf(callOf(await addTenant(store)));
    await store.write((tx) => tx.tokens.insertTokens([token, token]));
    await store.write((tx) => tx.tokens.insertTokens([token]));
    expect(await store.reads.tokens.ofOwner(token.ownerId)).toEqual([token]);
  },
  'tokens of a tenant that is not there are refused': async ({ store }) => {
    const token = tokenOf(callOf(await addTenant(store)), { tenantId: id() });
    const attempt = store.write((tx) => tx.tokens.insertTokens([token]));
    await expect(attempt).rejects.toMatchObject({ code: 'tenant_not_found' });
  },
  'every token of every kind comes up once in the pages': async ({ store }) => {
    const tenants = [await addTenant(store), await addTenant(store)];
    const kinds = ['phone', 'email', 'session', 'external', 'master', 'case', 'collection', 'alias'] as const;
    const tokens = tenants.flatMap((tenant) =>
      kinds.flatMap((kind) => [1, 2].map((epoch) => tokenOf(callOf(tenant), { kind, epoch }))),
    );
    await store.write((tx) => tx.tokens.insertTokens(tokens));
    const found: StoredToken[] = [];
    for (;;) {
      const page = await store.reads.tokens.page(found.at(-1), 5);
      if (page.length === 0) break;
      found.push(...page);
    }
    expect(found.toSorted(byToken)).toEqual(tokens.toSorted(byToken));
  },
  'tokens of one epoch are found for their tenant, in any number': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const call = callOf(ours);
    const old = (['alias', 'phone', 'case'] as const).map((kind) => tokenOf(call, { kind, epoch: 1 }));
    const others = [tokenOf(call, { epoch: 2 }), tokenOf(callOf(theirs), { epoch: 1 })];
    await store.write(async (tx) => {
      await tx.tokens.insertTokens([...old, ...others]);
      expect((await tx.tokens.tokensOfEpoch(ours.id, 1, 10)).toSorted(byToken)).toEqual(old.toSorted(byToken));
      expect(await tx.tokens.tokensOfEpoch(ours.id, 1, 2)).toHaveLength(2);
      expect(await tx.tokens.tokensOfEpoch(ours.id, 3, 2)).toEqual([]);
    });
  },
  'a replaced token is found under its new epoch alone, and one that is gone stays gone': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const [kept, gone] = [tokenOf(call), tokenOf(call)];
    const next = (old: StoredToken) => ({ ...old, epoch: 2, token: Buffer.from(old.token).reverse() });
    await store.write((tx) => tx.tokens.insertTokens([kept]));
    await store.write((tx) => tx.tokens.replaceTokens([kept, gone].map((old) => ({ old, next: next(old) }))));
    expect(await store.reads.tokens.ofOwner(call.id)).toEqual([next(kept)]);
  },
  'of hundreds of tokens those that are there are replaced, and none that differs from them in anything': async ({
    store,
  }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const all = Array.from({ length: 300 }, (_, i) => tokenOf(callOf(ours), { kind: i % 2 ? 'email' : 'phone' }));
    const there = all.filter((_, i) => i % 3 > 0);
    const others = all.flatMap((old): StoredToken[] => [
      { ...old, tenantId: theirs.id },
      { ...old, kind: 'alias' },
      { ...old, epoch: old.epoch + 2 },
      { ...old, token: Buffer.from(old.token).reverse() },
      { ...old, ownerId: id() },
    ]);
    const next = (old: StoredToken) => ({ ...old, epoch: old.epoch + 1, token: Buffer.from(old.token).fill(7, 8) });
    await store.write((tx) => tx.tokens.insertTokens([...there, ...others]));
    await store.write((tx) => tx.tokens.replaceTokens([]));
    await store.write((tx) => tx.tokens.replaceTokens(all.map((old) => ({ old, next: next(old) }))));
    const left = (await store.reads.tokens.page(undefined, 3000)).map(wholeToken);
    expect(left.toSorted()).toEqual([...others, ...there.map(next)].map(wholeToken).toSorted());
  },
  'a token is replaced by one that its owner has already': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const [old, next] = [tokenOf(call, { epoch: 1 }), tokenOf(call, { epoch: 2 })];
    await store.write((tx) => tx.tokens.insertTokens([old, next]));
    await store.write((tx) => tx.tokens.replaceTokens([{ old, next }]));
    expect(await store.reads.tokens.ofOwner(call.id)).toEqual([next]);
  },
  'tokens are counted and deleted by owner': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = [callOf(tenant), callOf(tenant), callOf(tenant)];
    const tokens = calls.flatMap((call) => [tokenOf(call), tokenOf(call, { kind: 'email' })]);
    const two = calls.slice(0, 2).map((call) => call.id);
    await store.write((tx) => tx.tokens.insertTokens(tokens));
    expect(await store.reads.tokens.countOfOwners(two, 'all')).toBe(4);
    expect(await store.reads.tokens.countOfOwners(two, ['email', 'case'])).toBe(2);
    expect(await store.reads.tokens.countOfOwners([], 'all')).toBe(0);
    await store.write((tx) => tx.tokens.deleteOfOwners(two));
    expect((await store.reads.tokens.page(undefined, 10)).toSorted(byToken)).toEqual(tokens.slice(4).toSorted(byToken));
  },
  'tombstones are found by call and by token, within the tenant': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const token = Buffer.alloc(16, 3);
    const stones = [ours, theirs].map((tenant) => ({
      callId: id(),
      tenantId: tenant.id,
      shreddedAt: 5,
      goneAt: tenant === ours ? null : 6,
    }));
    const tokens = stones.map(({ callId, tenantId }) => ({ tenantId, kind: 'session' as const, token, callId }));
    await store.write((tx) => tx.tombstones.insert(stones, tokens));
    const ids = stones.map((stone) => stone.callId);
    expect(await store.reads.tombstones.find(ours.id, ids)).toEqual(stones.slice(0, 1));
    expect(await store.reads.tombstones.findByToken(theirs.id, 'session', token)).toEqual(stones.slice(1));
    expect(await store.reads.tombstones.findByToken(ours.id, 'external', token)).toEqual([]);
    expect(await store.reads.tombstones.tokensOf([ids[1] ?? ''])).toEqual(tokens.slice(1));
    expect(await store.reads.tombstones.page('', 1)).toEqual(stones.slice(0, 1));
    expect(await store.reads.tombstones.page(ids[0] ?? '', 9)).toEqual(stones.slice(1));
  },
  'every tombstone token comes up once in the pages, also without its tombstone': async ({ store }) => {
    const tenants = [await addTenant(store), await addTenant(store)];
    const tokens = tenants.flatMap(({ id: tenantId }) =>
      (['session', 'external'] as const).flatMap((kind) =>
        [1, 2].map(() => ({ tenantId, kind, token: randomBytes(16), callId: id() })),
      ),
    );
    await store.write((tx) => tx.tombstones.insert([], tokens));
    const found: TombstoneToken[] = [];
    for (;;) {
      const page = await store.reads.tombstones.tokenPage(found.at(-1), 3);
      if (page.length === 0) break;
      found.push(...page);
    }
    expect(found.toSorted(byToken)).toEqual(tokens.toSorted(byToken));
  },
  'a tombstone that is there stays as it is': async ({ store }) => {
    const tenant = await addTenant(store);
    const stone = { callId: id(), tenantId: tenant.id, shreddedAt: 5, goneAt: null };
    const token = { tenantId: tenant.id, kind: 'session' as const, token: Buffer.alloc(16, 4), callId: stone.callId };
    await store.write((tx) => tx.tombstones.insert([stone], [token]));
    await store.write((tx) => tx.tombstones.insert([{ ...stone, shreddedAt: 9 }], [token]));
    expect(await store.reads.tombstones.find(tenant.id, [stone.callId])).toEqual([stone]);
    expect(await store.reads.tombstones.tokensOf([stone.callId])).toEqual([token]);
  },
  'tombstones are dropped with their tokens once the bytes were gone long ago': async ({ store }) => {
    const tenant = await addTenant(store);
    const goneAts = [10, null, 20, 30];
    const stones = goneAts.map((goneAt) => ({ callId: id(), tenantId: tenant.id, shreddedAt: 1, goneAt }));
    const tokens = stones.map(({ callId }, i) => {
      return { tenantId: tenant.id, kind: 'external' as const, token: Buffer.alloc(16, i), callId };
    });
    await store.write((tx) => tx.tombstones.insert(stones, tokens));
    expect(await store.write((tx) => tx.tombstones.dropGone(30, 1))).toBe(1);
    expect(await store.write((tx) => tx.tombstones.dropGone(30, 9))).toBe(1);
    expect(await store.write((tx) => tx.tombstones.dropGone(30, 9))).toBe(0);
    const left = await store.reads.tombstones.page('', 9);
    expect(left.map((stone) => stone.goneAt)).toEqual([null, 30]);
    const tokensLeft = await store.reads.tombstones.tokensOf(stones.map((stone) => stone.callId));
    expect(tokensLeft.map((token) => token.callId)).toEqual(expect.arrayContaining(left.map((stone) => stone.callId)));
    expect(tokensLeft).toHaveLength(left.length);
  },
} satisfies StoreCases;
