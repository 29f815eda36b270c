import { expect } from 'vitest';
import { entryOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

const nothing = {
  sealedAt: null,
  jobsDue: 0,
  dueSince: null,
  journalPending: 0,
  pendingSince: null,
  doomedBlobs: 0,
};

/** What is told of what waits. */
export const backlogCases = {
  'where nothing waits, nothing is told': async ({ store }) => {
    expect(await store.reads.backlog.at(5000)).toEqual(nothing);
  },
  'jobs wait once they are due and under nobody, since they could have been claimed': async ({ store }) => {
    const enqueue = async (id: string, runAt: number, lease?: { owner: string; until: number }) =>
      await store.write(async (tx) => {
        await tx.jobs.enqueue({ id, kind: 'erasure', payload: id, runAt, ...(lease && { lease }) });
      });
    await enqueue('later', 9000);
    await enqueue('leased', 500, { owner: 'somebody', until: 8000 });
    expect(await store.reads.backlog.at(5000)).toEqual(nothing);
    await enqueue('lapsed', 500, { owner: 'somebody', until: 2000 });
    expect(await store.reads.backlog.at(5000)).toEqual({ ...nothing, jobsDue: 1, dueSince: 2000 });
    await enqueue('due', 1000);
    expect(await store.reads.backlog.at(5000)).toEqual({ ...nothing, jobsDue: 2, dueSince: 1000 });
    const claim = { owner: 'me', now: 5000, leaseUntil: 6000, limit: 9 };
    const [first] = await store.write(async (tx) => await tx.jobs.claim(claim));
    expect(await store.reads.backlog.at(5000)).toEqual(nothing);
    expect((await store.reads.backlog.at(6000)).jobsDue).toBe(2);
    await store.write(async (tx) => first && (await tx.jobs.finish(first, 5500)));
    expect((await store.reads.backlog.at(6000)).jobsDue).toBe(1);
  },
  'the journal waits until a seal has copied it, and doomed blobs until they are gone': async ({ store }) => {
    const entries = [3000, 4000].map((at) => ({ ...entryOf(), at }));
    await store.write(async (tx) => await tx.keys.appendJournal(entries));
    await store.write(async (tx) => await tx.doomed.insert([{ blob: 'a', ownerId: 'o', erasureId: null, since: 1 }]));
    const waiting = { ...nothing, journalPending: 2, pendingSince: 3000, doomedBlobs: 1 };
    expect(await store.reads.backlog.at(5000)).toEqual(waiting);
    await store.write(async (tx) => {
      const ids = entries.map((entry) => entry.id);
      await tx.keys.markCopied(ids.slice(0, 1), 1);
      await tx.doomed.delete(['a']);
    });
    expect(await store.reads.backlog.at(5000)).toEqual({ ...nothing, journalPending: 1, pendingSince: 4000 });
  },
} satisfies StoreCases;
