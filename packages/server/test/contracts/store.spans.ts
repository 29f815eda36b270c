import { expect } from 'vitest';
import type { CallStatus } from '../../src/model/call.ts';
import type { BlobLock } from '../../src/model/erasure.ts';
import { Bug } from '../../src/model/errors.ts';
import { addErasure, addTenant, artifactOf, callOf, erasureOf, id, tokenOf, uploadOf } from '../support/store-rows.ts';
import type { StoreCases, StoreSubject } from '../support/store-subject.ts';

/**
 * Six items, of which the span has four and two of these are planned: the third and the fourth. Each call has a recording
 * with a blob, a transcript, a phone token and a session token.
 */
async function addSpan({ store }: StoreSubject) {
  const tenant = await addTenant(store);
  const states = ['planned', 'held', 'planned', 'planned', 'failed', 'planned'] as const;
  const { erasure, calls } = await addErasure(store, tenant, states);
  const artifacts = calls.flatMap((call, i) => [
    artifactOf(call, 1000 - 10 * i, { kind: 'recording', blob: `blob ${i}` }),
    artifactOf(call, 1001 - 10 * i),
  ]);
  const tokens = calls.flatMap((call) => [tokenOf(call), tokenOf(call, { kind: 'session' })]);
  await store.write(async (tx) => {
    await tx.artifacts.insert(artifacts);
    await tx.tokens.insertTokens(tokens);
  });
  const ids = calls.map((call) => call.id);
  return { tenant, erasure, calls, ids, tokens, span: { erasureId: erasure.id, fromSeq: 1, toSeq: 5 } };
}

/** The statements of the shredding transaction, and the bytes that wait to be removed. */
export const spanCases = {
  'artifacts of a span are those of its planned items, of the kinds named, by slot': async (subject) => {
    const { span, ids } = await addSpan(subject);
    await subject.store.write(async (tx) => {
      expect(await tx.erasures.spanArtifacts(span, ['transcript', 'recording'])).toEqual([
        { slot: 970, ownerId: ids[3], kind: 'recording', blob: 'blob 3' },
        { slot: 971, ownerId: ids[3], kind: 'transcript', blob: null },
        { slot: 980, ownerId: ids[2], kind: 'recording', blob: 'blob 2' },
        { slot: 981, ownerId: ids[2], kind: 'transcript', blob: null },
      ]);
      expect((await tx.erasures.spanArtifacts(span, ['recording'])).map(({ slot }) => slot)).toEqual([970, 980]);
      expect(await tx.erasures.spanArtifacts(span, [])).toEqual([]);
    });
  },
  'artifacts of a span are deleted as they were told, and no others': async (subject) => {
    const { span } = await addSpan(subject);
    const slots = async () => (await subject.store.reads.artifacts.page(0, 99)).map(({ slot }) => slot);
    const before = await slots();
    await subject.store.write((tx) => tx.erasures.deleteSpanArtifacts(span, ['recording']));
    expect(await slots()).toEqual(before.filter((slot) => slot !== 970 && slot !== 980));
    await subject.store.write((tx) => tx.erasures.deleteSpanArtifacts(span, ['recording', 'transcript']));
    expect(await slots()).toEqual(before.filter((slot) => ![970, 971, 980, 981].includes(slot)));
  },
  'tokens of a span are told and deleted by kind, or all': async (subject) => {
    const { span, tokens, ids } = await addSpan(subject);
    const { store } = subject;
    const kindsLeft = async (seq: number) => (await store.reads.tokens.ofOwner(ids[seq] ?? '')).map(({ kind }) => kind);
    const sessions = await store.write((tx) => tx.erasures.spanTokens(span, ['session', 'external']));
    const byOwner = sessions.toSorted((a, b) => (a.ownerId < b.ownerId ? -1 : 1));
    expect(byOwner).toEqual([tokens[5], tokens[7]]);
    await store.write((tx) => tx.erasures.deleteSpanTokens(span, ['phone', 'email']));
    expect(await kindsLeft(2)).toEqual(['session']);
    expect(await kindsLeft(3)).toEqual(['session']);
    await store.write((tx) => tx.erasures.deleteSpanTokens(span, 'all'));
    expect(await kindsLeft(2)).toEqual([]);
    for (const seq of [0, 1, 4, 5]) expect(await kindsLeft(seq)).toHaveLength(2);
  },
  'calls of a span that are gone, or not complete, are told': async (subject) => {
    const { span, ids } = await addSpan(subject);
    const { store } = subject;
    expect(await store.write((tx) => tx.erasures.spanCalls(span))).toEqual([]);
    const tell = async (status: CallStatus) => {
      return await store.write(async (tx) => {
        await tx.calls.update(ids[3] ?? '', { uploadUntil: status === 'uploading' ? 5 : null, status });
        return (await tx.erasures.spanCalls(span)).filter(({ seq }) => seq === 3);
      });
    };
    for (const status of ['uploading', 'awaited', 'excluded'] as const) {
      expect(await tell(status)).toEqual([{ seq: 3, callId: ids[3], status }]);
    }
    await store.write(async (tx) => {
      await tx.calls.delete(ids[2] ?? '');
      await tx.calls.delete(ids[4] ?? '');
    });
    expect(await store.write((tx) => tx.erasures.spanCalls(span))).toEqual([
      { seq: 2, callId: ids[2], status: null },
      { seq: 3, callId: ids[3], status: 'excluded' },
    ]);
  },
  'calls of a span are deleted; an upload under way stays, doomed': async (subject) => {
    const { span, tenant, calls, ids } = await addSpan(subject);
    const { store } = subject;
    await store.write((tx) => tx.calls.update(ids[3] ?? '', { uploadUntil: 5, status: 'uploading' }));
    await store.write((tx) => tx.erasures.deleteSpanCalls(span));
    const left = await store.reads.calls.findMany(tenant.id, ids);
    const doomed = { ...calls[3], uploadUntil: 5, status: 'uploading', isUploadDoomed: true };
    expect(left).toEqual([calls[0], calls[1], doomed, calls[4], calls[5]]);
    expect(await store.write((tx) => tx.calls.renewUpload(ids[3] ?? '', 9))).toBe(false);
  },
  'nothing of another tenant is in a span, whatever its items say': async (subject) => {
    const { store } = subject;
    const [ours, theirs] = [await addTenant(store), await addTenant(store)];
    const [erasure, call] = [erasureOf(ours), callOf(theirs)];
    const span = { erasureId: erasure.id, fromSeq: 0, toSeq: 1 };
    const stone = { callId: call.id, tenantId: theirs.id, shreddedAt: 1, goneAt: null };
    await store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.artifacts.insert([artifactOf(call, 1)]);
      await tx.tokens.insertTokens([tokenOf(call)]);
      await tx.tombstones.insert([stone], []);
      await tx.erasures.insert(erasure);
      await tx.erasures.addItems(erasure.id, 0, [call.id]);
      expect(await tx.erasures.spanArtifacts(span, ['transcript'])).toEqual([]);
      expect(await tx.erasures.spanTokens(span, ['phone'])).toEqual([]);
      expect(await tx.erasures.spanCalls(span)).toMatchObject([{ status: null }]);
      await tx.erasures.deleteSpanArtifacts(span, ['transcript']);
      await tx.erasures.deleteSpanTokens(span, 'all');
      await tx.erasures.deleteSpanCalls(span);
      await tx.erasures.shredItems(erasure.id, [
        { seq: 0, journalId: null, outcome: 'already_erased', erasedKinds: [] },
      ]);
      await tx.erasures.moveSpan(span, 'shredded', 'removed', {});
      await tx.erasures.stampSpanTombstones(span, 9);
    });
    expect(await store.reads.calls.find(theirs.id, call.id)).toEqual(call);
    expect(await store.reads.artifacts.ofOwner(call.id)).toHaveLength(1);
    expect(await store.reads.tokens.ofOwner(call.id)).toHaveLength(1);
    expect(await store.reads.tombstones.find(theirs.id, [call.id])).toEqual([stone]);
  },
  'shredded items name their journal entry and outcome': async (subject) => {
    const { erasure } = await addSpan(subject);
    const { store } = subject;
    const journalId = id();
    await store.write((tx) =>
      tx.erasures.shredItems(erasure.id, [
        { seq: 2, journalId, outcome: 'erased', erasedKinds: ['correlation', 'recording'] },
        { seq: 3, journalId: null, outcome: 'already_erased', erasedKinds: [] },
      ]),
    );
    const items = await store.reads.erasures.items(erasure.id, { fromSeq: 0, limit: 9, states: ['shredded'] });
    expect(items).toMatchObject([
      { seq: 2, journalId, outcome: 'erased', erasedKinds: ['recording', 'correlation'] },
      { seq: 3, journalId: null, outcome: 'already_erased', erasedKinds: [] },
    ]);
  },
  'an item that is not planned is not shredded, and neither is any beside it': async (subject) => {
    const { erasure } = await addSpan(subject);
    const items = [2, 1].map((seq) => ({ seq, journalId: null, outcome: 'erased' as const, erasedKinds: [] }));
    await expect(subject.store.write((tx) => tx.erasures.shredItems(erasure.id, items))).rejects.toThrow(Bug);
    expect(await subject.store.reads.erasures.tally(erasure.id)).toMatchObject({ planned: 4, shredded: 0 });
  },
  'tombstones of removed items get the time once': async ({ store }) => {
    const tenant = await addTenant(store);
    const { erasure, calls } = await addErasure(store, tenant, ['removed', 'shredded', 'removed', 'removed']);
    const goneAts = [null, null, 3, null];
    const stones = calls.map(({ id: callId }, i) => {
      return { callId, tenantId: tenant.id, shreddedAt: 1, goneAt: goneAts[i] ?? null };
    });
    await store.write((tx) => tx.tombstones.insert(stones, []));
    await store.write((tx) => tx.erasures.stampSpanTombstones({ erasureId: erasure.id, fromSeq: 0, toSeq: 3 }, 7));
    const stamped = (await store.reads.tombstones.page('', 9)).map((stone) => stone.goneAt);
    expect(stamped).toEqual([7, null, 3, null]);
  },
  'a span of no erasure is a Bug': async ({ store }) => {
    const span = { erasureId: id(), fromSeq: 0, toSeq: 9 };
    await expect(store.write((tx) => tx.erasures.deleteSpanCalls(span))).rejects.toThrow(Bug);
  },
  'doomed bytes are told by owner, whichever erasure doomed them': async (subject) => {
    const { span, erasure, ids } = await addSpan(subject);
    const { store } = subject;
    const blobs = ids.map((ownerId, i) => ({ blob: `b${i}`, ownerId, erasureId: erasure.id, since: i }));
    const others = [
      { blob: 'c', ownerId: ids[2] ?? '', erasureId: id(), since: 1 },
      { blob: 'd', ownerId: ids[2] ?? '', erasureId: null, since: 1 },
    ];
    await store.write((tx) => tx.doomed.insert([...blobs, ...others]));
    const owners = (await store.reads.erasures.items(span.erasureId, { fromSeq: 1, limit: 4 })).map(
      (item) => item.callId,
    );
    const found = await store.reads.doomed.ofOwners(owners);
    expect(found.map((doomed) => doomed.blob).toSorted()).toEqual(['b1', 'b2', 'b3', 'b4', 'c', 'd']);
    await store.write((tx) => tx.doomed.delete(found.map((doomed) => doomed.blob).filter((blob) => blob < 'c')));
    expect(await store.reads.doomed.all('', 9)).toEqual([blobs[0], blobs[5], ...others]);
    expect(await store.reads.doomed.all('b5', 1)).toEqual(others.slice(0, 1));
  },
  'doomed bytes without an erasure are told oldest first': async ({ store }) => {
    const call = uploadOf(await addTenant(store), 1);
    const doomed = (blob: string, since: number, erasureId: string | null = null) => {
      return { blob, ownerId: call.id, erasureId, since };
    };
    const [young, old, owned] = [doomed('a', 9), doomed('b', 5), doomed('c', 1, id())];
    await store.write((tx) => tx.doomed.insert([young, old, owned]));
    await store.write((tx) => tx.doomed.insert([{ ...old, since: 99 }]));
    expect(await store.reads.doomed.unowned(0, 9)).toEqual([old, young]);
    expect(await store.reads.doomed.unowned(0, 1)).toEqual([old]);
    const twin = doomed('bb', 5);
    await store.write((tx) => tx.doomed.insert([twin]));
    expect(await store.reads.doomed.unowned(0, 9, old)).toEqual([twin, young]);
    expect(await store.reads.doomed.unowned(0, 1, twin)).toEqual([young]);
    expect(await store.reads.doomed.unowned(0, 9, young)).toEqual([]);
    await store.write((tx) => tx.doomed.delete([twin.blob]));
    expect(await store.reads.doomed.find(['c', 'unknown'])).toEqual([owned]);
    await store.write((tx) => tx.doomed.delete(['b', 'c', 'unknown']));
    expect(await store.reads.doomed.all('', 9)).toEqual([young]);
  },
  'doomed bytes under a lock are passed over until they may be tried again, and come last then': async ({ store }) => {
    const [a, b, c] = ['a', 'b', 'c'].map((blob, i) => ({ blob, ownerId: id(), erasureId: null, since: i }));
    if (!a || !b || !c) throw new Error('three blobs');
    await store.write((tx) => tx.doomed.insert([a, b, c]));
    const [dated, endless] = [
      { until: 40, retryAt: 50 },
      { until: null, retryAt: 30 },
    ];
    const note = async (locks: Record<string, BlobLock>) =>
      await store.write((tx) => tx.doomed.noteLocks(new Map(Object.entries(locks))));
    await note({});
    await note({ b: endless, a: dated, unknown: dated });
    expect(await store.reads.doomed.unowned(29, 9)).toEqual([c]);
    const [lockedA, lockedB] = [
      { ...a, lock: dated },
      { ...b, lock: endless },
    ];
    expect(await store.reads.doomed.unowned(30, 9)).toEqual([c, lockedB]);
    expect(await store.reads.doomed.unowned(50, 9)).toEqual([c, lockedB, lockedA]);
    expect(await store.reads.doomed.unowned(50, 1, c)).toEqual([lockedB]);
    expect(await store.reads.doomed.unowned(50, 9, lockedB)).toEqual([lockedA]);
    expect(await store.reads.doomed.all('', 9)).toEqual([lockedA, lockedB, c]);
    // It was prolonged meanwhile.
    await note({ a: { until: 140, retryAt: 150 } });
    expect(await store.reads.doomed.unowned(149, 9)).toEqual([c, lockedB]);
    // Somebody names it again, as a step that is done again does.
    await store.write((tx) => tx.doomed.insert([b]));
    expect(await store.reads.doomed.find(['b'])).toEqual([lockedB]);
  },
} satisfies StoreCases;
