import { expect } from 'vitest';
import type { LateArtifact } from '../../src/model/store.ts';
import { addTenant, artifactOf, callOf, id, lateOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** Recordings that come later than their call. */
export const lateArtifactCases = {
  'late recordings keep every field and are told by call, those of several calls by slot': async ({ store }) => {
    const tenant = await addTenant(store);
    const [call, other] = [callOf(tenant), callOf(tenant)];
    const [first, second, theirs] = [lateOf(call, 5, 2 ** 45), lateOf(call, 2 ** 39, 1), lateOf(other, 7, 3)];
    await store.write(async (tx) => {
      for (const late of [second, theirs, first]) await tx.lateArtifacts.insert(late);
    });
    const { lateArtifacts } = store.reads;
    expect(await lateArtifacts.ofCalls([call.id])).toEqual([first, second]);
    expect(await lateArtifacts.ofCalls([other.id, call.id])).toEqual([first, theirs, second]);
    expect(await lateArtifacts.ofCalls([id()])).toEqual([]);
    expect(await lateArtifacts.ofCalls([])).toEqual([]);
    await expect(store.write((tx) => tx.lateArtifacts.insert(lateOf(other, 5, 9)))).rejects.toThrow();
  },
  'those whose lease has ended are walked through by slot, of all tenants, slot 0 included': async ({ store }) => {
    const [one, two] = [callOf(await addTenant(store)), callOf(await addTenant(store))];
    const all = [20, 10, 20, 21, 5].map((until, slot) => lateOf(slot % 2 === 0 ? one : two, slot, until));
    await store.write(async (tx) => {
      for (const late of all.toReversed()) await tx.lateArtifacts.insert(late);
    });
    const walked: LateArtifact[] = [];
    for (;;) {
      const page = await store.reads.lateArtifacts.expired(20, 2, walked.at(-1)?.slot ?? -1);
      walked.push(...page);
      if (page.length < 2) break;
    }
    expect(walked).toEqual([all[0], all[1], all[2], all[4]]);
    expect(await store.reads.lateArtifacts.expired(4, 9, -1)).toEqual([]);
    expect(await store.reads.lateArtifacts.page(-1, 3)).toEqual(all.slice(0, 3));
    expect(await store.reads.lateArtifacts.page(2, 9)).toEqual(all.slice(3));
  },
  'a late recording is renewed until somebody has ended it, which happens once': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const [mine, other] = [lateOf(call, 1, 10), lateOf(call, 2, 10)];
    await store.write(async (tx) => {
      for (const late of [mine, other]) await tx.lateArtifacts.insert(late);
    });
    expect(await store.write((tx) => tx.lateArtifacts.renew(1, 99))).toBe(true);
    expect(await store.reads.lateArtifacts.ofCalls([call.id])).toEqual([{ ...mine, leaseUntil: 99 }, other]);
    expect(await store.write((tx) => tx.lateArtifacts.delete(1))).toBe(true);
    expect(await store.write((tx) => tx.lateArtifacts.delete(1))).toBe(false);
    expect(await store.write((tx) => tx.lateArtifacts.renew(1, 999))).toBe(false);
    expect(await store.reads.lateArtifacts.page(-1, 9)).toEqual([other]);
  },
  'of several artifacts of one kind the one that is sealed is found, and of those the newest': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const kind = 'details';
    const coming = artifactOf(call, 9, { kind, sealed: null });
    await store.write((tx) => tx.artifacts.insert([coming]));
    expect(await store.reads.artifacts.find(call.id, kind)).toEqual(coming);
    const [old, young] = [artifactOf(call, 5, { kind }), artifactOf(call, 6, { kind })];
    await store.write((tx) => tx.artifacts.insert([old]));
    expect(await store.reads.artifacts.find(call.id, kind)).toEqual(old);
    await store.write((tx) => tx.artifacts.insert([young]));
    expect(await store.reads.artifacts.find(call.id, kind)).toEqual(young);
    await store.write((tx) => tx.artifacts.setSealed(9, { sealed: Buffer.from('now') }));
    expect(await store.reads.artifacts.find(call.id, kind)).toEqual({ ...coming, sealed: Buffer.from('now') });
  },
  'artifacts are deleted by slot, and no others of their owner': async ({ store }) => {
    const call = callOf(await addTenant(store));
    const artifacts = [0, 5, 6, 2 ** 39].map((slot) => artifactOf(call, slot, { kind: 'recording' }));
    await store.write((tx) => tx.artifacts.insert(artifacts));
    await store.write((tx) => tx.artifacts.deleteSlots([]));
    expect(await store.reads.artifacts.ofOwner(call.id)).toHaveLength(4);
    await store.write((tx) => tx.artifacts.deleteSlots([5, 2 ** 39, 7]));
    expect(await store.reads.artifacts.ofOwner(call.id)).toEqual([artifacts[0], artifacts[2]]);
    await store.write((tx) => tx.artifacts.deleteSlots([0]));
    expect(await store.reads.artifacts.page(0, 9)).toEqual([artifacts[2]]);
  },
} satisfies StoreCases;
