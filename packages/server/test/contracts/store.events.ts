import { expect } from 'vitest';
import type { Call, MetadataEvent } from '../../src/model/call.ts';
import type { Tombstone } from '../../src/model/erasure.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { addErasure, addTenant, artifactOf, callOf, id, tokenOf, uploadOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** An event of a call, later than all that were made before it. */
function eventOf(call: Call, change: Partial<MetadataEvent> = {}): MetadataEvent {
  const eventId = id();
  const sealed = Buffer.from(`sealed ${eventId}`);
  return { id: eventId, tenantId: call.tenantId, callId: call.id, receivedAt: 1, sealed, ...change };
}

/** A call that stands for an event whose call has not come. */
function awaitedOf(tenant: Tenant, createdAt = 1): Call {
  return callOf(tenant, { status: 'awaited', createdAt, startedAt: null, endedAt: null, durationMs: null });
}

/** More than any statement takes at once. */
const many = 2500;

/** Metadata that comes later than its call, and the calls that stand for what came before theirs. */
export const eventCases = {
  'events keep every field and are told of their call alone, in the order in which they came': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [callOf(tenant), callOf(tenant)];
    const [first, second, third] = [eventOf(call, { receivedAt: 2 ** 45 }), eventOf(call), eventOf(call)];
    const bytes = eventOf(other, { sealed: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)) });
    // A clock that was set back between two events says nothing about which came first.
    await store.write((tx) => tx.events.insert([third, bytes, first]));
    await store.write((tx) => tx.events.insert([second]));
    expect(await store.reads.events.ofCall(call.id)).toEqual([first, second, third]);
    expect(await store.reads.events.ofCall(other.id)).toEqual([bytes]);
    expect(await store.reads.events.ofCall(id())).toEqual([]);
    expect(await store.reads.events.countOfCall(call.id)).toBe(3);
    expect(await store.reads.events.countOfCall(id())).toBe(0);
  },
  'events are written together or not at all, and an id is taken once': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const event = eventOf(call);
    await store.write((tx) => tx.events.insert([]));
    await store.write((tx) => tx.events.insert([event]));
    const again = store.write((tx) => tx.events.insert([eventOf(call), { ...event, receivedAt: 9 }]));
    await expect(again).rejects.toThrow();
    expect(await store.reads.events.ofCall(call.id)).toEqual([event]);
  },
  'any number of events is written at once and read in pages by id, of all tenants': async ({ store }) => {
    const [call, other] = [callOf(await addTenant(store)), callOf(await addTenant(store))];
    const events = Array.from({ length: many }, (_, i) => eventOf(i % 2 === 0 ? call : other));
    await store.write((tx) => tx.events.insert(events));
    const read: MetadataEvent[] = [];
    for (;;) {
      const page = await store.reads.events.page(read.at(-1)?.id ?? '', 1000);
      read.push(...page);
      if (page.length < 1000) break;
    }
    expect(read).toEqual(events);
    expect(await store.reads.events.ofCall(other.id)).toHaveLength(many / 2);
  },
  'deleting the events of a call leaves those of others, and tells how many there were': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [callOf(tenant), callOf(tenant)];
    const kept = eventOf(other);
    await store.write((tx) => tx.events.insert([eventOf(call), kept, eventOf(call)]));
    expect(await store.write((tx) => tx.events.deleteOfCall(call.id))).toBe(2);
    expect(await store.write((tx) => tx.events.deleteOfCall(call.id))).toBe(0);
    expect(await store.reads.events.page('', 9)).toEqual([kept]);
  },
  'events of a span are deleted where their item is planned, and no others': async ({ store }) => {
    const tenant = await addTenant(store);
    const states = ['planned', 'held', 'planned', 'shredded', 'planned'] as const;
    const { erasure, calls } = await addErasure(store, tenant, states);
    const events = calls.flatMap((call) => [eventOf(call), eventOf(call)]);
    await store.write((tx) => tx.events.insert(events));
    const span = { erasureId: erasure.id, fromSeq: 0, toSeq: 4 };
    await store.write((tx) => tx.erasures.deleteSpanEvents(span));
    const gone = new Set([calls[0]?.id, calls[2]?.id]);
    expect(await store.reads.events.page('', 99)).toEqual(events.filter((event) => !gone.has(event.callId)));
  },
  'events of another tenant are in no span, whatever its items say': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const { erasure, calls } = await addErasure(store, ours, ['planned']);
    const foreign = callOf(theirs);
    const event = eventOf(foreign);
    await store.write(async (tx) => {
      await tx.calls.insert(foreign);
      await tx.erasures.addItems(erasure.id, calls.length, [foreign.id]);
      await tx.events.insert([event]);
      await tx.erasures.deleteSpanEvents({ erasureId: erasure.id, fromSeq: 0, toSeq: 2 });
    });
    expect(await store.reads.events.page('', 9)).toEqual([event]);
  },
  'a tenant awaits a call from its commit on until it came or was given up, and no other tenant does': async ({
    store,
  }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [came, givenUp] = [awaitedOf(ours), awaitedOf(ours)];
    const anyAwaited = async () => await store.reads.calls.anyAwaited(ours.id);
    await store.write(async (tx) => {
      for (const call of [callOf(ours), callOf(ours, { status: 'excluded' }), uploadOf(ours, 5)])
        await tx.calls.insert(call);
      await tx.calls.insert(awaitedOf(theirs));
    });
    expect(await anyAwaited()).toBe(false);
    await store.write(async (tx) => {
      await tx.calls.insert(came);
      await tx.calls.insert(givenUp);
      expect(await tx.calls.anyAwaited(ours.id)).toBe(true);
      expect(await anyAwaited()).toBe(false);
    });
    expect(await anyAwaited()).toBe(true);
    await store.write((tx) => tx.calls.update(came.id, { status: 'complete' }));
    expect(await anyAwaited()).toBe(true);
    await store.write((tx) => tx.calls.delete(givenUp.id));
    expect(await anyAwaited()).toBe(false);
    expect(await store.reads.calls.anyAwaited(theirs.id)).toBe(true);
    expect(await store.reads.calls.anyAwaited(id())).toBe(false);
  },
  'awaited calls are told from before a time, oldest first, of all tenants': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [young, old, middle] = [awaitedOf(ours, 30), awaitedOf(theirs, 10), awaitedOf(ours, 20)];
    const others = [{ ...uploadOf(ours, 1), createdAt: 1 }, callOf(theirs, { createdAt: 1 })];
    await store.write(async (tx) => {
      for (const call of [young, old, middle, ...others]) await tx.calls.insert(call);
    });
    expect(await store.reads.calls.awaitedSince(10, 9)).toEqual([]);
    expect(await store.reads.calls.awaitedSince(30, 9)).toEqual([old, middle]);
    expect(await store.reads.calls.awaitedSince(31, 2)).toEqual([old, middle]);
    expect(await store.reads.calls.awaitedSince(31, 2, middle)).toEqual([young]);
  },
  'awaited calls are walked through one after the other, those that began at the same time too': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = [20, 10, 20, 20, 30].map((at) => awaitedOf(tenant, at));
    await store.write(async (tx) => {
      for (const call of calls.toReversed()) await tx.calls.insert(call);
    });
    const walked: Call[] = [];
    for (;;) {
      const page = await store.reads.calls.awaitedSince(30, 2, walked.at(-1));
      walked.push(...page);
      if (page.length < 2) break;
    }
    expect(walked).toEqual([calls[1], calls[0], calls[2], calls[3]]);
  },
  'calls of a span that are awaited are told as such, and are deleted with it': async ({ store }) => {
    const tenant = await addTenant(store);
    const { erasure, calls } = await addErasure(store, tenant, ['planned', 'planned', 'planned']);
    const span = { erasureId: erasure.id, fromSeq: 0, toSeq: 2 };
    const [awaited, archived, outside] = calls.map((call) => call.id);
    await store.write(async (tx) => {
      await tx.calls.update(awaited ?? '', { status: 'awaited' });
      await tx.calls.update(outside ?? '', { status: 'awaited' });
      expect(await tx.erasures.spanCalls(span)).toEqual([{ seq: 0, callId: awaited, status: 'awaited' }]);
      await tx.erasures.deleteSpanCalls(span);
    });
    expect((await store.reads.calls.page('', 9)).map((call) => call.id)).toEqual([outside]);
    expect(await store.reads.calls.find(tenant.id, archived ?? '')).toBeUndefined();
  },
  'a tombstone keeps what its call was, where that was not simply complete': async ({ store }) => {
    const tenant = await addTenant(store);
    const stone = () => ({ callId: id(), tenantId: tenant.id, shreddedAt: 1, goneAt: null });
    const stones: Tombstone[] = [
      stone(),
      { ...stone(), lastStatus: 'awaited' },
      { ...stone(), lastStatus: 'uploading' },
    ];
    await store.write((tx) => tx.tombstones.insert(stones, []));
    // One that is there stays as it is.
    await store.write((tx) =>
      tx.tombstones.insert(
        stones.map((one) => ({ ...one, lastStatus: 'excluded' })),
        [],
      ),
    );
    expect(await store.reads.tombstones.page('', 9)).toEqual(stones);
  },
  'an awaited call is no upload: it has no lease, and nobody gives it up as one': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = awaitedOf(tenant);
    const token = tokenOf(call, { kind: 'session' });
    const details = artifactOf(call, 7, { kind: 'details', sealed: null });
    await store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.artifacts.insert([details]);
      await tx.tokens.insertTokens([token]);
    });
    expect(await store.reads.calls.find(tenant.id, call.id)).toEqual(call);
    expect(await store.write((tx) => tx.calls.renewUpload(call.id, 99))).toBe(false);
    expect(await store.reads.calls.abandonedUploads(Number.MAX_SAFE_INTEGER, 9)).toEqual([]);
    expect(await store.reads.tokens.owners(tenant.id, 'session', [token], '', 9)).toEqual([call.id]);
  },
} satisfies StoreCases;
