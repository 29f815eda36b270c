import { expect } from 'vitest';
import type { Call } from '../../src/model/call.ts';
import { Bug } from '../../src/model/errors.ts';
import { addTenant, artifactOf, callOf, clientOf, id, uploadOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** Tenants, clients, calls and artifacts. */
export const archiveCases = {
  'tenants get numbers of their own, and are found by id and by slug': async ({ store }) => {
    const [one, two] = [await addTenant(store), await addTenant(store)];
    expect(two.number).toBeGreaterThan(one.number);
    expect(await store.reads.tenants.find({ id: one.id })).toEqual(one);
    expect(await store.reads.tenants.find({ slug: two.slug })).toEqual(two);
    expect(await store.reads.tenants.find({ slug: 'nobody' })).toBeUndefined();
    expect(await store.reads.tenants.list()).toEqual([one, two]);
  },
  'a slug is taken once': async ({ store }) => {
    const tenant = await addTenant(store);
    const again = store.write((tx) => tx.tenants.insert({ ...tenant, id: id() }));
    await expect(again).rejects.toMatchObject({ code: 'tenant_exists' });
    expect(await store.reads.tenants.list()).toEqual([tenant]);
  },
  'clients keep what they were made with, change what is named, and are listed by tenant': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [client, other] = [clientOf(ours), clientOf(theirs, { scopes: [] })];
    await store.write(async (tx) => {
      await tx.clients.insert(client);
      await tx.clients.insert(other);
      await tx.clients.update(client.id, {});
    });
    expect(await store.reads.clients.find(client.id)).toEqual(client);
    await store.write((tx) => tx.clients.update(client.id, { disabledAt: 7, version: 2 }));
    expect(await store.reads.clients.list(ours.id)).toEqual([{ ...client, disabledAt: 7, version: 2 }]);
    await store.write((tx) => tx.clients.update(client.id, { disabledAt: null, secretHash: 'new', expiresAt: 9 }));
    const changed = { ...client, version: 2, secretHash: 'new', expiresAt: 9 };
    expect(await store.reads.clients.find(client.id)).toEqual(changed);
    expect(await store.reads.clients.find(other.id)).toEqual(other);
    await expect(store.write((tx) => tx.clients.update(id(), { version: 3 }))).rejects.toThrow(Bug);
  },
  'a call keeps every field, also those that are unknown': async ({ store }) => {
    const tenant = await addTenant(store);
    const full = callOf(tenant, { kind: 'case', source: 'twin24', direction: 'outbound' });
    const bare = callOf(tenant, {
      startedAt: null,
      endedAt: null,
      durationMs: null,
      uploadUntil: 1,
      isUploadDoomed: true,
    });
    await store.write(async (tx) => {
      await tx.calls.insert(full);
      await tx.calls.insert(bare);
    });
    expect(await store.reads.calls.find(tenant.id, full.id)).toEqual(full);
    expect(await store.reads.calls.find(tenant.id, bare.id)).toEqual(bare);
  },
  'a call of another tenant is not there': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [mine, foreign] = [callOf(ours), callOf(theirs)];
    await store.write(async (tx) => {
      await tx.calls.insert(mine);
      await tx.calls.insert(foreign);
    });
    expect(await store.reads.calls.find(ours.id, foreign.id)).toBeUndefined();
    expect(await store.reads.calls.findMany(ours.id, [foreign.id, mine.id, id()])).toEqual([mine]);
    expect(await store.reads.calls.findMany(ours.id, [])).toEqual([]);
    expect(await store.reads.calls.count(ours.id)).toBe(1);
  },
  'calls are read in pages by id, of all tenants': async ({ store }) => {
    const tenants = [await addTenant(store), await addTenant(store)];
    const calls = tenants.flatMap((tenant) => [callOf(tenant), callOf(tenant)]);
    await store.write(async (tx) => {
      for (const call of calls.toReversed()) await tx.calls.insert(call);
    });
    const first = await store.reads.calls.page('', 3);
    expect(first).toEqual(calls.slice(0, 3));
    expect(await store.reads.calls.page(first.at(-1)?.id ?? '', 3)).toEqual(calls.slice(3));
  },
  'an update changes what it names and nothing else, and needs its call': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [uploadOf(tenant, 50), uploadOf(tenant, 50)];
    await store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.calls.insert(other);
      await tx.calls.update(call.id, {});
      await tx.calls.update(call.id, { status: 'complete', uploadUntil: null, startedAt: 5, isUploadDoomed: true });
    });
    const changed = { ...call, status: 'complete' as const, uploadUntil: null, startedAt: 5, isUploadDoomed: true };
    expect(await store.reads.calls.find(tenant.id, call.id)).toEqual(changed);
    expect(await store.reads.calls.find(tenant.id, other.id)).toEqual(other);
    await expect(store.write((tx) => tx.calls.update(id(), { startedAt: 1 }))).rejects.toThrow(Bug);
  },
  'an upload is renewed until it is over, doomed or gone': async ({ store }) => {
    const tenant = await addTenant(store);
    const [going, doomed, over, gone] = [1, 2, 3, 4].map((until) => uploadOf(tenant, until));
    if (!going || !doomed || !over || !gone) throw new Error('four uploads');
    await store.write(async (tx) => {
      for (const call of [going, doomed, over, gone]) await tx.calls.insert(call);
      await tx.calls.update(doomed.id, { isUploadDoomed: true });
      await tx.calls.update(over.id, { uploadUntil: null, status: 'complete' });
      await tx.calls.delete(gone.id);
      await tx.calls.delete(gone.id);
    });
    const renew = (callId: string) => store.write((tx) => tx.calls.renewUpload(callId, 99));
    expect(await renew(going.id)).toBe(true);
    expect(await renew(doomed.id)).toBe(false);
    expect(await renew(over.id)).toBe(false);
    expect(await renew(gone.id)).toBe(false);
    expect((await store.reads.calls.find(tenant.id, going.id))?.uploadUntil).toBe(99);
    expect((await store.reads.calls.find(tenant.id, over.id))?.uploadUntil).toBeNull();
  },
  'abandoned uploads are those whose lease has ended, the doomed among them': async ({ store }) => {
    const tenant = await addTenant(store);
    const uploads = [30, 10, 20].map((until) => uploadOf(tenant, until));
    await store.write(async (tx) => {
      for (const call of uploads) await tx.calls.insert(call);
      await tx.calls.insert(callOf(tenant));
      await tx.calls.update(uploads[1]?.id ?? '', { isUploadDoomed: true });
    });
    const until = async (now: number, limit: number) =>
      (await store.reads.calls.abandonedUploads(now, limit)).map((call) => call.uploadUntil);
    expect(await until(9, 10)).toEqual([]);
    expect(await until(20, 10)).toEqual([10, 20]);
    expect(await until(99, 2)).toEqual([10, 20]);
  },
  'abandoned uploads are walked through one after the other, those that ended at the same time too': async ({
    store,
  }) => {
    const tenant = await addTenant(store);
    const uploads = [20, 10, 20, 20, 30].map((until) => uploadOf(tenant, until));
    await store.write(async (tx) => {
      for (const call of uploads) await tx.calls.insert(call);
    });
    const walked: Call[] = [];
    for (let after: Call | undefined; ; after = walked.at(-1)) {
      const page = await store.reads.calls.abandonedUploads(20, 2, after);
      walked.push(...page);
      if (page.length < 2) break;
    }
    expect(walked.map((call) => call.uploadUntil)).toEqual([10, 20, 20, 20]);
    expect(new Set(walked.map((call) => call.id)).size).toBe(4);
  },
  'artifacts keep every field and are found by owner and kind, the newest first': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = callOf(tenant);
    const recording = artifactOf(call, 8, { kind: 'recording', sealed: null, blob: 'b', blobBytes: 2 ** 40 });
    const [old, young] = [artifactOf(call, 9), artifactOf(call, 10)];
    const ours = artifactOf(call, 2 ** 39, { tenantId: null, ownerId: 'archive', kind: 'token-signing-key' });
    await store.write((tx) => tx.artifacts.insert([young, ours, recording, old]));
    expect(await store.reads.artifacts.ofOwner(call.id)).toEqual([recording, old, young]);
    expect(await store.reads.artifacts.find(call.id, 'transcript')).toEqual(young);
    expect(await store.reads.artifacts.find(call.id, 'details')).toBeUndefined();
    expect(await store.reads.artifacts.ofOwner('archive')).toEqual([ours]);
    expect(await store.reads.artifacts.page(9, 2)).toEqual([old, young]);
  },
  'one kind of many owners is found at once': async ({ store }) => {
    const tenant = await addTenant(store);
    const calls = [callOf(tenant), callOf(tenant), callOf(tenant)];
    const transcripts = calls.map((call, i) => artifactOf(call, 10 + i));
    const details = calls.map((call, i) => artifactOf(call, 20 + i, { kind: 'details' }));
    await store.write((tx) => tx.artifacts.insert([...transcripts, ...details]));
    const owners = calls.slice(1).map((call) => call.id);
    const found = await store.reads.artifacts.findMany([...owners, id()], 'details');
    expect(found.toSorted((a, b) => a.slot - b.slot)).toEqual(details.slice(1));
  },
  'how much is sealed of an owner is told by kind, events with the details, and nothing of what is on its way': async ({
    store,
  }) => {
    const tenant = await addTenant(store);
    const [call, other, empty] = [callOf(tenant), callOf(tenant), callOf(tenant)];
    const event = { id: id(), tenantId: tenant.id, callId: call.id, receivedAt: 1, sealed: Buffer.alloc(7) };
    await store.write(async (tx) => {
      await tx.artifacts.insert([
        artifactOf(call, 1, { kind: 'details', sealed: Buffer.alloc(100_000) }),
        artifactOf(call, 2, { kind: 'transcript', sealed: Buffer.alloc(30) }),
        artifactOf(call, 3, { kind: 'transcript', sealed: null }),
        artifactOf(other, 4, { kind: 'correlation', sealed: Buffer.alloc(5) }),
        artifactOf(empty, 5, { kind: 'details', sealed: null }),
      ]);
      await tx.events.insert([event, { ...event, id: id() }]);
    });
    const { sealedBytes } = store.reads.artifacts;
    const owners = [call.id, other.id, empty.id, id()];
    expect(await sealedBytes(owners, ['details', 'transcript'])).toEqual(new Map([[call.id, 100_044]]));
    expect(await sealedBytes(owners, ['transcript', 'correlation'])).toEqual(
      new Map([
        [call.id, 30],
        [other.id, 5],
      ]),
    );
    expect(await sealedBytes([], ['details'])).toEqual(new Map());
    expect(await sealedBytes(owners, [])).toEqual(new Map());
  },
  'a slot has one artifact, of which only the sealing changes': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const artifact = artifactOf(call, 1, { sealed: null, blob: 'b' });
    await store.write((tx) => tx.artifacts.insert([artifact]));
    await expect(store.write((tx) => tx.artifacts.insert([artifactOf(call, 1)]))).rejects.toThrow();
    await store.write((tx) => tx.artifacts.setSealed(1, { sealed: Buffer.from('s') }));
    expect(await store.reads.artifacts.ofOwner(call.id)).toEqual([{ ...artifact, sealed: Buffer.from('s') }]);
    await store.write((tx) => tx.artifacts.setSealed(1, { sealed: Buffer.from('t'), blobBytes: 5 }));
    const stored = { ...artifact, sealed: Buffer.from('t'), blobBytes: 5 };
    expect(await store.reads.artifacts.ofOwner(call.id)).toEqual([stored]);
    await expect(store.write((tx) => tx.artifacts.setSealed(2, { sealed: Buffer.from('t') }))).rejects.toThrow(Bug);
  },
  'deleting the artifacts of an owner tells what they were': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [callOf(tenant), callOf(tenant)];
    const artifacts = [artifactOf(call, 5), artifactOf(call, 6, { kind: 'details' })];
    const kept = artifactOf(other, 7);
    await store.write((tx) => tx.artifacts.insert([...artifacts, kept]));
    expect(await store.write((tx) => tx.artifacts.deleteOfOwner(call.id))).toEqual(artifacts);
    expect(await store.write((tx) => tx.artifacts.deleteOfOwner(call.id))).toEqual([]);
    expect(await store.reads.artifacts.page(0, 10)).toEqual([kept]);
  },
} satisfies StoreCases;
