import { expect } from 'vitest';
import { Bug } from '../../src/model/errors.ts';
import type { StoreReads, StoreTx } from '../../src/model/store.ts';
import { addTenant, artifactOf, auditOf, callOf, entryOf, tokenOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** What `write` and `snapshot` promise whatever happens inside. */
export const transactionCases = {
  'a write that throws leaves nothing behind': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = callOf(tenant);
    const attempt = store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.artifacts.insert([artifactOf(call, 1)]);
      await tx.tokens.insertTokens([tokenOf(call)]);
      await tx.keys.appendJournal([entryOf()]);
      await tx.audit.append(auditOf(tenant));
      throw new Error('work failed');
    });
    await expect(attempt).rejects.toThrow('work failed');
    expect(await store.reads.calls.find(tenant.id, call.id)).toBeUndefined();
    expect(await store.reads.artifacts.ofOwner(call.id)).toEqual([]);
    expect(await store.reads.tokens.ofOwner(call.id)).toEqual([]);
    expect(await store.reads.journal.page('', 10)).toEqual([]);
    expect(await store.reads.audit.page('', 10)).toEqual([]);
  },
  'a write whose statement fails leaves nothing behind, and the next one works': async ({ store }) => {
    const tenant = await addTenant(store);
    const [first, second] = [callOf(tenant), callOf(tenant)];
    const attempt = store.write(async (tx) => {
      await tx.calls.insert(first);
      await tx.calls.insert(first);
    });
    await expect(attempt).rejects.toMatchObject({ code: 'internal' });
    await store.write((tx) => tx.calls.insert(second));
    expect(await store.reads.calls.page('', 10)).toEqual([second]);
  },
  'a conflict at commit leaves nothing behind and runs the work again from the start': async (subject) => {
    const { store } = subject;
    const tenant = await addTenant(store);
    const calls = [callOf(tenant), callOf(tenant)];
    let runs = 0;
    subject.conflictOnce();
    const answer = await store.write(async (tx) => {
      expect(await tx.calls.count(tenant.id)).toBe(0);
      const call = calls[runs];
      runs += 1;
      if (call) await tx.calls.insert(call);
      return runs;
    });
    expect(answer).toBe(2);
    expect(await store.reads.calls.page('', 10)).toEqual(calls.slice(1));
  },
  'a transaction used after its end is a Bug, whether it committed or not': async ({ store }) => {
    const kept: StoreTx[] = [];
    await store.write(async (tx) => {
      kept.push(tx);
    });
    const failed = store.write(async (tx) => {
      kept.push(tx);
      throw new Error('work failed');
    });
    await expect(failed).rejects.toThrow('work failed');
    expect(kept).toHaveLength(2);
    for (const tx of kept) {
      await expect(tx.tenants.list()).rejects.toThrow(Bug);
      await expect(tx.keys.readTop()).rejects.toThrow(Bug);
      await expect(tx.doomed.delete(['b'])).rejects.toThrow(Bug);
    }
  },
  'a snapshot used after its end is a Bug': async ({ store }) => {
    let kept: StoreReads | undefined;
    await store.snapshot(async (reads) => {
      kept = reads;
    });
    await expect(kept?.tenants.list()).rejects.toThrow(Bug);
  },
  'a snapshot sees one instant, whatever is written meanwhile': async ({ store }) => {
    const tenant = await addTenant(store);
    await store.write((tx) => tx.calls.insert(callOf(tenant)));
    await store.snapshot(async (reads) => {
      const late = callOf(tenant);
      await store.write((tx) => tx.calls.insert(late));
      expect(await reads.calls.count(tenant.id)).toBe(1);
      expect(await reads.calls.find(tenant.id, late.id)).toBeUndefined();
      expect(await store.reads.calls.count(tenant.id)).toBe(2);
    });
    expect(await store.snapshot((reads) => reads.calls.count(tenant.id))).toBe(2);
  },
  'a snapshot whose work throws ends, and passes the error on': async ({ store }) => {
    const attempt = store.snapshot(async () => {
      throw new Error('work failed');
    });
    await expect(attempt).rejects.toThrow('work failed');
  },
  'reads go on while a write is open, and see nothing of it': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = callOf(tenant);
    await store.write(async (tx) => {
      await tx.calls.insert(call);
      expect(await tx.calls.find(tenant.id, call.id)).toEqual(call);
      expect(await store.reads.calls.find(tenant.id, call.id)).toBeUndefined();
    });
    expect(await store.reads.calls.find(tenant.id, call.id)).toEqual(call);
  },
  'the key tree and the rest write in one transaction': async ({ store }) => {
    const tenant = await addTenant(store);
    const call = callOf(tenant);
    await store.write(async (tx) => {
      await tx.artifacts.insert([artifactOf(call, 600)]);
      await tx.tokens.insertEpoch({ id: call.id, tenantId: tenant.id, number: 1, slot: 601 });
      await tx.keys.writePages([{ level: 0, index: 2, sealed: Buffer.from('leaf') }]);
      expect(await tx.keys.namedSlots(512, 767)).toEqual([600, 601]);
    });
    expect(await store.reads.keys.namedSlots(512, 767)).toEqual([600, 601]);
    expect(await store.keyStore.reads.readPages([{ level: 0, index: 2 }])).toHaveLength(1);
  },
  'a store that is migrated already has nothing to migrate': async ({ store }) => {
    expect(await store.migrate()).toEqual([]);
  },
  'after close every method fails, and closing again does nothing': async ({ store }) => {
    await store.close();
    await store.close();
    await expect(store.write(async () => undefined)).rejects.toThrow();
    await expect(store.snapshot(async () => undefined)).rejects.toThrow();
    await expect(store.reads.tenants.list()).rejects.toThrow();
  },
  'close waits for the writes before it': async ({ store }) => {
    const tenant = await addTenant(store);
    const write = store.write((tx) => tx.calls.insert(callOf(tenant)));
    await Promise.all([store.close(), write]);
  },
} satisfies StoreCases;
