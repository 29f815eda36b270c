import { expect } from 'vitest';
import type { Store } from '../../src/model/store.ts';
import type { Job } from '../../src/model/tenant.ts';
import { addTenant, auditOf, entryOf, holdOf, id } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

async function enqueue(store: Store, job: { id?: string; payload?: string; runAt?: number } = {}): Promise<string> {
  const jobId = job.id ?? id();
  const payload = job.payload ?? id();
  await store.write((tx) => tx.jobs.enqueue({ id: jobId, kind: 'erasure', payload, runAt: job.runAt ?? 0 }));
  return jobId;
}

async function claimOne(store: Store, owner: string, now: number): Promise<Job> {
  const [job] = await store.write((tx) => tx.jobs.claim({ owner, now, leaseUntil: now + 60, limit: 1 }));
  if (!job) throw new Error('there is a job to claim');
  return job;
}

/** Jobs, holds, the audit trail and the journal as it is read. */
export const recordCases = {
  'a job waits until it is due and is claimed by one owner': async ({ store }) => {
    const jobId = await enqueue(store, { runAt: 100 });
    const claim = (owner: string, now: number) =>
      store.write((tx) => tx.jobs.claim({ owner, now, leaseUntil: now + 60, limit: 9 }));
    expect(await claim('a', 99)).toEqual([]);
    expect(await claim('a', 100)).toMatchObject([{ id: jobId, attempts: 1, leaseOwner: 'a', leaseUntil: 160 }]);
    expect(await claim('b', 159)).toEqual([]);
    expect(await store.reads.jobs.find(jobId)).toMatchObject({ leaseOwner: 'a', lastError: null, finishedAt: null });
  },
  'jobs are claimed longest due first, and no more than asked for': async ({ store }) => {
    for (const runAt of [30, 10, 40, 20]) await enqueue(store, { runAt });
    const jobs = await store.write((tx) => tx.jobs.claim({ owner: 'a', now: 99, leaseUntil: 100, limit: 3 }));
    expect(jobs.map((job) => job.runAt)).toEqual([10, 20, 30]);
  },
  'an unfinished job is not added twice, a finished one may be': async ({ store }) => {
    const payload = id();
    const first = await enqueue(store, { payload });
    const second = await enqueue(store, { payload });
    expect(await store.reads.jobs.find(second)).toBeUndefined();
    const job = await claimOne(store, 'a', 1);
    await store.write((tx) => tx.jobs.finish(job, 5));
    const third = await enqueue(store, { payload });
    expect((await store.reads.jobs.list({ unfinishedOnly: false, limit: 9 })).map((one) => one.id)).toEqual([
      third,
      first,
    ]);
    expect((await store.reads.jobs.list({ unfinishedOnly: true, limit: 9 })).map((one) => one.id)).toEqual([third]);
    expect(await store.reads.jobs.list({ unfinishedOnly: false, limit: 1 })).toHaveLength(1);
    await expect(enqueue(store, { id: first })).rejects.toThrow();
  },
  "a job that is added under a lease is its owner's first attempt": async ({ store }) => {
    const jobId = id();
    const lease = { owner: 'a', until: 60 };
    await store.write((tx) => tx.jobs.enqueue({ id: jobId, kind: 'erasure', payload: id(), runAt: 0, lease }));
    const job = await store.reads.jobs.find(jobId);
    expect(job).toMatchObject({ attempts: 1, leaseOwner: 'a', leaseUntil: 60 });
    expect(await store.write((tx) => tx.jobs.claim({ owner: 'b', now: 59, leaseUntil: 99, limit: 9 }))).toEqual([]);
    if (job) expect(await store.write((tx) => tx.jobs.fence(job))).toBe(true);
  },
  'after its lease a job goes to another owner, and the first is fenced off': async ({ store }) => {
    await enqueue(store);
    const lost = await claimOne(store, 'a', 0);
    const taken = await claimOne(store, 'b', 60);
    expect(taken).toMatchObject({ id: lost.id, attempts: 2, leaseOwner: 'b' });
    await store.write(async (tx) => {
      expect(await tx.jobs.fence(lost)).toBe(false);
      expect(await tx.jobs.renew(lost, 500)).toBe(false);
      expect(await tx.jobs.fence(taken)).toBe(true);
      expect(await tx.jobs.renew(taken, 500)).toBe(true);
    });
    const late = [
      store.write((tx) => tx.jobs.finish(lost, 70)),
      store.write((tx) => tx.jobs.retry(lost, 70, 'internal')),
    ];
    for (const attempt of late) await expect(attempt).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await store.reads.jobs.find(lost.id)).toEqual({ ...taken, leaseUntil: 500 });
  },
  "the same owner's older attempt is fenced off too": async ({ store }) => {
    await enqueue(store);
    const first = await claimOne(store, 'a', 0);
    const second = await claimOne(store, 'a', 60);
    expect(await store.write((tx) => tx.jobs.fence(first))).toBe(false);
    expect(await store.write((tx) => tx.jobs.fence(second))).toBe(true);
  },
  'a finished job is never claimed, fenced or finished again': async ({ store }) => {
    await enqueue(store);
    const job = await claimOne(store, 'a', 0);
    await store.write((tx) => tx.jobs.finish(job, 5));
    const finished = { ...job, finishedAt: 5, leaseOwner: null, leaseUntil: null };
    expect(await store.reads.jobs.find(job.id)).toEqual(finished);
    await store.write(async (tx) => {
      expect(await tx.jobs.fence(job)).toBe(false);
      expect(await tx.jobs.claim({ owner: 'b', now: 999, leaseUntil: 999, limit: 9 })).toEqual([]);
    });
    await expect(store.write((tx) => tx.jobs.finish(job, 6))).rejects.toMatchObject({ code: 'lease_lost' });
  },
  'a retried job is free and waits for its time': async ({ store }) => {
    await enqueue(store);
    const job = await claimOne(store, 'a', 0);
    await store.write((tx) => tx.jobs.retry(job, 500, 'blob_failed'));
    const waiting = { ...job, runAt: 500, lastError: 'blob_failed', leaseOwner: null, leaseUntil: null };
    expect(await store.reads.jobs.find(job.id)).toEqual(waiting);
    expect(await store.write((tx) => tx.jobs.claim({ owner: 'b', now: 499, leaseUntil: 999, limit: 9 }))).toEqual([]);
    expect(await claimOne(store, 'b', 500)).toMatchObject({ attempts: 2 });
  },
  'the next job to run is the first that is due or whose lease ends': async ({ store }) => {
    expect(await store.reads.jobs.nextRunAt()).toBeUndefined();
    await enqueue(store, { runAt: 300 });
    expect(await store.reads.jobs.nextRunAt()).toBe(300);
    await enqueue(store, { runAt: 100 });
    const due = await store.reads.jobs.list({ unfinishedOnly: true, limit: 9 });
    expect(due.map((job) => job.runAt)).toEqual([100, 300]);
    const job = await claimOne(store, 'a', 140);
    expect(await store.reads.jobs.nextRunAt()).toBe(200);
    await store.write((tx) => tx.jobs.finish(job, 150));
    expect(await store.reads.jobs.nextRunAt()).toBe(300);
  },
  'payloads are told whose job has not finished': async ({ store }) => {
    const [running, finished] = [id(), id()];
    await enqueue(store, { payload: finished });
    const job = await claimOne(store, 'a', 0);
    await store.write((tx) => tx.jobs.finish(job, 1));
    await enqueue(store, { payload: running });
    const unfinished = await store.reads.jobs.unfinished('erasure', [running, finished, id()]);
    expect(unfinished).toEqual(new Set([running]));
  },
  'holds are told within the tenant, with their calls, until they are released': async ({ store }) => {
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const callIds = [id(), id()];
    const [hold, ranged, foreign] = [holdOf(ours), holdOf(ours, { reviewAt: 9, from: 1, to: 2 }), holdOf(theirs)];
    await store.write(async (tx) => {
      await tx.holds.lock(ours.id, 'alone');
      await tx.holds.insert(hold, callIds.toReversed());
      await tx.holds.insert(ranged, []);
      await tx.holds.insert(foreign, callIds);
    });
    expect(await store.reads.holds.active(ours.id)).toEqual([hold, ranged]);
    expect(await store.reads.holds.callsOf(hold.id)).toEqual(callIds);
    expect(await store.reads.holds.callsOf(ranged.id)).toEqual([]);
    expect(await store.reads.holds.find(ours.id, foreign.id)).toBeUndefined();
    expect(await store.reads.holds.countReleased(ours.id)).toBe(0);
    await store.write(async (tx) => {
      await tx.holds.lock(ours.id, 'shared');
      await tx.holds.release(hold.id, 77);
      await tx.holds.release(hold.id, 88);
      expect(await tx.holds.active(ours.id)).toEqual([ranged]);
    });
    expect(await store.reads.holds.find(ours.id, hold.id)).toEqual({ ...hold, releasedAt: 77 });
    expect(await store.reads.holds.active(theirs.id)).toEqual([foreign]);
    expect(await store.reads.holds.countReleased(ours.id)).toBe(1);
    expect(await store.reads.holds.countReleased(theirs.id)).toBe(0);
  },
  'audit entries keep every field and are read in pages by id': async ({ store }) => {
    const tenant = await addTenant(store);
    const entries = [
      auditOf(tenant, { detail: { items: 3, code: 'x', done: true, none: null }, subjectId: id() }),
      auditOf(tenant, { tenantId: null, actor: { kind: 'user', id: id() } }),
      auditOf(tenant),
    ];
    await store.write(async (tx) => {
      for (const entry of entries.toReversed()) await tx.audit.append(entry);
    });
    expect(await store.reads.audit.page('', 2)).toEqual(entries.slice(0, 2));
    expect(await store.reads.audit.page(entries[1]?.id ?? '', 2)).toEqual(entries.slice(2));
    const again = store.write((tx) => tx.audit.append(auditOf(tenant, { id: entries[0]?.id ?? '' })));
    await expect(again).rejects.toThrow();
  },
  'places of pages, seals and reserved leaves are told in order, in pages': async ({ store }) => {
    const places = [0, 1, 2].flatMap((level) => [3, 2 ** 40 - 1].map((index) => ({ level, index })));
    await store.write(async (tx) => {
      await tx.keys.writePages(places.toReversed().map((place) => ({ ...place, sealed: Buffer.from('page') })));
      for (const generation of [3, 1, 2]) await tx.keys.recordSeal({ generation, keyId: 'k', sealedAt: generation });
      for (const leaf of [9, 4, 5]) await tx.keys.insertReservation({ leaf, owner: 'us', leaseUntil: 1 });
    });
    expect(await store.reads.keys.places(undefined, 4)).toEqual(places.slice(0, 4));
    expect(await store.reads.keys.places(places[3], 9)).toEqual(places.slice(4));
    expect((await store.reads.keys.seals(0, 2)).map((seal) => seal.generation)).toEqual([1, 2]);
    expect(await store.reads.keys.seals(2, 9)).toEqual([{ generation: 3, keyId: 'k', sealedAt: 3 }]);
    expect(await store.reads.keys.reservedLeaves(4, 8)).toEqual([4, 5]);
  },
  'exactly the entries that are named are copied, also after all that wait were read': async ({ store }) => {
    const entries = Array.from({ length: 9 }, () => entryOf());
    const ids = entries.map((entry) => entry.id);
    const named = [7, 0, 1, 2, 5, 5].map((i) => ids[i] ?? '');
    await store.write((tx) => tx.keys.appendJournal(entries.slice(0, 8)));
    await store.write((tx) => tx.keys.markCopied(ids.slice(0, 1), 3));
    await store.write(async (tx) => {
      expect(await tx.keys.pendingJournal()).toEqual(entries.slice(1, 8));
      await tx.keys.appendJournal(entries.slice(8));
      await tx.keys.markCopied([...named, ids[8] ?? '', id()], 4);
      expect((await tx.keys.pendingJournal()).map((entry) => entry.id)).toEqual([3, 4, 6].map((i) => ids[i]));
    });
    const copiedBy = (await store.reads.journal.page('', 9)).map((entry) => entry.copiedBy);
    expect(copiedBy).toEqual([3, 4, 4, null, null, 4, null, 4, 4]);
  },
  'journal entries are read with the generation that copied them, the first that did': async ({ store }) => {
    const entries = [entryOf({ slots: [[1, 4]], detail: ['x'] }), entryOf(), entryOf()];
    const ids = entries.map((entry) => entry.id);
    await store.write(async (tx) => {
      await tx.keys.appendJournal(entries.toReversed());
      await tx.keys.markCopied(ids.slice(0, 1), 4);
      await tx.keys.markCopied(ids.slice(0, 2), 5);
    });
    const copied = entries.map((entry, i) => ({ ...entry, copiedBy: [4, 5][i] ?? null }));
    expect(await store.reads.journal.page('', 2)).toEqual(copied.slice(0, 2));
    expect(await store.reads.journal.page(ids[1] ?? '', 2)).toEqual(copied.slice(2));
    expect(await store.reads.journal.find([...ids.slice(1).toReversed(), id()])).toEqual(copied.slice(1));
    const beforeId = ids[2] ?? '';
    expect(await store.reads.journal.page('', 9, { beforeId })).toEqual(copied.slice(0, 2));
    expect(await store.reads.journal.page('', 1, { beforeId })).toEqual(copied.slice(0, 1));
  },
  'a journal has entries that wait for the vault while one made before the time asked is not copied': async ({
    store,
  }) => {
    const entries = [entryOf({ at: 5 }), entryOf({ at: 7 })];
    const waits = async (before: number) => await store.reads.journal.hasPending(before);
    expect(await waits(9)).toBe(false);
    await store.write((tx) => tx.keys.appendJournal(entries));
    expect([await waits(5), await waits(6), await waits(9)]).toEqual([false, true, true]);
    await store.write((tx) => tx.keys.markCopied([entries[0]?.id ?? ''], 1));
    expect([await waits(7), await waits(8)]).toEqual([false, true]);
  },
  'a journal entry forgets its detail once it was copied, and nothing else of it': async ({ store }) => {
    const slots = [[1, 4]] as const;
    const entries = Array.from({ length: 5 }, () => entryOf({ slots, ownerId: id(), detail: { kept: true, gone: 1 } }));
    const [whole = '', part = '', bare = '', pending = '', other = ''] = entries.map((entry) => entry.id);
    await store.write(async (tx) => {
      await tx.keys.appendJournal(entries.map((entry) => (entry.id === bare ? { ...entry, detail: null } : entry)));
      await tx.keys.markCopied([whole, part, bare, other], 4);
    });
    const left = { kept: true };
    const forgotten = [
      { id: whole, detail: null },
      { id: part, detail: left },
      { id: bare, detail: left },
      { id: pending, detail: null },
      { id: id(), detail: null },
    ];
    expect(await store.write((tx) => tx.journal.forgetDetails(forgotten))).toBe(2);
    const full = { kept: true, gone: 1 };
    const details = [null, left, null, full, full];
    const expected = entries.map((entry, i) => ({ ...entry, detail: details[i], copiedBy: i === 3 ? null : 4 }));
    expect(await store.reads.journal.page('', 9)).toEqual(expected);
    await store.write(async (tx) => {
      expect(await tx.journal.forgetDetails([])).toBe(0);
      expect(await tx.keys.pendingJournal()).toEqual(entries.slice(3, 4));
    });
  },
} satisfies StoreCases;
