import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { addTenant, artifactOf, callOf, id, tokenOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

type Found<Key extends string> = { at: number } & Record<Key, string>;

function inOrder<Key extends string>(found: readonly Found<Key>[], key: Key): [number, string][] {
  const pairs = found.map((one): [number, string] => [one.at, one[key]]);
  return pairs.toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
}

/** Many tokens at a time, and how large what their owners have is. */
export const ownersOfCases = {
  'the owners of many tokens are told by place: repeated, of several owners, under two epochs': async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const [one, two, theirs] = [callOf(tenant), callOf(tenant), callOf(other)];
    const [shared, single, unknown] = [randomBytes(16), randomBytes(16), randomBytes(16)];
    await store.write((tx) =>
      tx.tokens.insertTokens([
        tokenOf(one, { token: shared }),
        tokenOf(two, { token: shared }),
        tokenOf(two, { token: single, epoch: 2 }),
        // The same bytes under another epoch, of another kind and of another tenant are other tokens.
        tokenOf(one, { token: single, epoch: 3 }),
        tokenOf(one, { token: single, epoch: 2, kind: 'email' }),
        tokenOf(theirs, { token: shared }),
        tokenOf(theirs, { token: unknown }),
      ]),
    );
    const asked = [
      { epoch: 1, token: unknown },
      { epoch: 1, token: shared },
      { epoch: 2, token: single },
      { epoch: 2, token: shared },
      { epoch: 1, token: shared },
      { epoch: 2, token: single },
    ];
    const ownersOf = async (tokens: typeof asked) =>
      inOrder(await store.reads.tokens.ownersOf(tenant.id, 'phone', tokens), 'ownerId');
    const both = [one.id, two.id].toSorted();
    expect(await ownersOf(asked)).toEqual([
      ...both.map((owner) => [1, owner]),
      [2, two.id],
      ...both.map((owner) => [4, owner]),
      [5, two.id],
    ]);
    expect(await ownersOf([])).toEqual([]);
    expect(await ownersOf(asked.slice(0, 1))).toEqual([]);
    expect(await store.reads.tokens.ownersOf(id(), 'phone', asked)).toEqual([]);
    expect(await store.write((tx) => tx.tokens.ownersOf(tenant.id, 'email', asked))).toEqual([
      { at: 2, ownerId: one.id },
      { at: 5, ownerId: one.id },
    ]);
  },
  'the owners of as many tokens as a plan may name are found among others': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = Array.from({ length: 300 }, () => callOf(tenant));
    const tokens = calls.map((call) => tokenOf(call));
    await store.write((tx) => tx.tokens.insertTokens(tokens));
    const strangers = Array.from({ length: 20_000 }, (_, i) => ({ epoch: 1 + (i % 2), token: randomBytes(16) }));
    const asked = [...strangers, ...tokens.map(({ epoch, token }) => ({ epoch, token }))];
    const found = await store.reads.tokens.ownersOf(tenant.id, 'phone', asked);
    expect(inOrder(found, 'ownerId')).toEqual(calls.map((call, i) => [20_000 + i, call.id]));
  },
  "the owners of many tombstones' tokens are told by place, and no other tenant's": async ({ store }) => {
    const [tenant, other] = [await addTenant(store), await addTenant(store)];
    const [one, two, theirs] = [callOf(tenant), callOf(tenant), callOf(other)];
    const [shared, single, unknown] = [randomBytes(16), randomBytes(16), randomBytes(16)];
    const stones = [one, two, theirs].map((call) => {
      return { callId: call.id, tenantId: call.tenantId, shreddedAt: 1, goneAt: null };
    });
    const tokenOfStone = (call: typeof one, token: Uint8Array, kind: 'session' | 'external' = 'external') => {
      return { tenantId: call.tenantId, kind, token, callId: call.id };
    };
    await store.write((tx) =>
      tx.tombstones.insert(stones, [
        tokenOfStone(one, shared),
        tokenOfStone(two, shared),
        tokenOfStone(two, single),
        tokenOfStone(one, single, 'session'),
        tokenOfStone(theirs, shared),
        tokenOfStone(theirs, unknown),
      ]),
    );
    const ownersOf = async (tokens: Uint8Array[]) =>
      inOrder(await store.reads.tombstones.ownersOf(tenant.id, 'external', tokens), 'callId');
    const both = [one.id, two.id].toSorted();
    expect(await ownersOf([shared, unknown, single, single, shared])).toEqual([
      ...both.map((owner) => [0, owner]),
      [2, two.id],
      [3, two.id],
      ...both.map((owner) => [4, owner]),
    ]);
    expect(await ownersOf([])).toEqual([]);
    expect(await store.reads.tombstones.ownersOf(id(), 'external', [shared])).toEqual([]);
  },
  'artifacts are told with their sizes as sealed: bytes of the blob, or of the sealing, or none yet': async (
    subject,
  ) => {
    const { store } = subject;
    const [call, bare] = [callOf(await addTenant(store)), callOf(await addTenant(store))];
    const sealed = Buffer.alloc(70_000, 1);
    await store.write((tx) =>
      tx.artifacts.insert([
        artifactOf(call, 1, { kind: 'recording', sealed: Buffer.alloc(50), blob: 'a', blobBytes: 2 ** 33 }),
        artifactOf(call, 2, { kind: 'transcript', sealed }),
        artifactOf(call, 3, { kind: 'details', sealed: null }),
        artifactOf(call, 4, { kind: 'correlation', sealed: Buffer.alloc(9) }),
        artifactOf(bare, 5, { kind: 'recording', sealed: null, blob: 'b', blobBytes: null }),
        // Another is about to take the place of the one that is sealed: it is one artifact all the same.
        artifactOf(bare, 6, { kind: 'recording', sealed: Buffer.alloc(50), blob: 'c', blobBytes: 30 }),
      ]),
    );
    const sizesOf = async (...args: Parameters<typeof store.reads.artifacts.sizesOf>) =>
      (await store.reads.artifacts.sizesOf(...args)).toSorted((a, b) => b.bytes - a.bytes);
    expect(await sizesOf([call.id, bare.id, id()], ['recording', 'transcript', 'details'])).toEqual([
      { ownerId: call.id, kind: 'recording', bytes: 2 ** 33 },
      { ownerId: call.id, kind: 'transcript', bytes: sealed.length },
      { ownerId: bare.id, kind: 'recording', bytes: 30 },
      { ownerId: call.id, kind: 'details', bytes: 0 },
    ]);
    expect(await sizesOf([call.id], [])).toEqual([]);
    expect(await sizesOf([], ['recording'])).toEqual([]);
  },
} satisfies StoreCases;
