import { expect } from 'vitest';
import type { Call } from '../../src/model/call.ts';
import type { Candidate } from '../../src/model/campaign.ts';
import type { ItemState } from '../../src/model/erasure.ts';
import type { Store } from '../../src/model/store.ts';
import { addErasure, addTenant, artifactOf, callOf, candidateOf, taskOf, tokenOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

/** An erasure of two calls and two candidates; of each pair the second's item is in a state of its own. */
async function addMixed(store: Store, second: ItemState = 'held') {
  const tenant = await addTenant(store);
  const task = taskOf(tenant);
  const { erasure, calls } = await addErasure(store, tenant, ['planned', second], { action: 'depersonalize' });
  const candidates = [candidateOf(task), candidateOf(task)];
  await store.write(async (tx) => {
    await tx.candidates.insert(candidates);
    await tx.erasures.addItems(
      erasure.id,
      2,
      candidates.map((one) => one.id),
    );
    await tx.erasures.moveItems(erasure.id, [3], 'planned', 'held', {});
  });
  const [call, otherCall] = calls;
  const [candidate, otherCandidate] = candidates;
  if (!call || !otherCall || !candidate || !otherCandidate) throw new Error('two of each');
  const span = { erasureId: erasure.id, fromSeq: 0, toSeq: 4 };
  return { tenant, task, erasure, span, call, otherCall, candidate, otherCandidate };
}

const callIn = async (store: Store, { id, tenantId }: Call) => await store.reads.calls.find(tenantId, id);
const candidateIn = async (store: Store, { id, tenantId }: Candidate) =>
  await store.reads.candidates.find(tenantId, id);

/** What an erasure of a part leaves on the rows that stay, and candidates as items. */
export const markCases = {
  'planned calls and candidates of a span are marked as depersonalized, and such candidates are cancelled': async ({
    store,
  }) => {
    const { span, call, otherCall, candidate, otherCandidate } = await addMixed(store);
    await store.write((tx) => tx.erasures.markSpan(span, { depersonalizedAt: 70, recordingErasedAt: 70 }));
    expect(await callIn(store, call)).toEqual({ ...call, depersonalizedAt: 70, recordingErasedAt: 70 });
    const marked = { ...candidate, depersonalizedAt: 70, status: 'CANCELLED', updatedAt: 70 };
    expect(await candidateIn(store, candidate)).toEqual(marked);
    expect(await callIn(store, otherCall)).toEqual(otherCall);
    expect(await candidateIn(store, otherCandidate)).toEqual(otherCandidate);
  },
  'a candidate that is being added is marked and stays hidden': async ({ store }) => {
    const { span, task, erasure } = await addMixed(store);
    const adding = candidateOf(task, { status: 'ADDING' });
    await store.write(async (tx) => {
      await tx.candidates.insert([adding]);
      await tx.erasures.addItems(erasure.id, 4, [adding.id]);
      await tx.erasures.markSpan({ ...span, toSeq: 5 }, { depersonalizedAt: 70 });
    });
    expect(await candidateIn(store, adding)).toEqual({ ...adding, depersonalizedAt: 70, updatedAt: 70 });
  },
  'a mark says what was erased and nothing else, and no marks change nothing': async ({ store }) => {
    const { span, call, candidate } = await addMixed(store);
    await store.write((tx) => tx.erasures.markSpan(span, {}));
    expect(await callIn(store, call)).toEqual(call);
    await store.write((tx) => tx.erasures.markSpan(span, { recordingErasedAt: 50 }));
    expect(await callIn(store, call)).toEqual({ ...call, recordingErasedAt: 50 });
    expect(await candidateIn(store, candidate)).toEqual(candidate);
    await store.write((tx) => tx.erasures.markSpan(span, { depersonalizedAt: 60 }));
    expect(await callIn(store, call)).toEqual({ ...call, recordingErasedAt: 50, depersonalizedAt: 60 });
  },
  'a mark that is there keeps its time, and one that was not is added beside it': async ({ store }) => {
    const { span, call, candidate } = await addMixed(store);
    await store.write((tx) => tx.erasures.markSpan(span, { depersonalizedAt: 30 }));
    await store.write((tx) => tx.erasures.markSpan(span, { depersonalizedAt: 40, recordingErasedAt: 40 }));
    expect(await callIn(store, call)).toEqual({ ...call, depersonalizedAt: 30, recordingErasedAt: 40 });
    expect(await candidateIn(store, candidate)).toMatchObject({ depersonalizedAt: 30, status: 'CANCELLED' });
  },
  'an upload under way is marked too, so that its end sees it': async ({ store }) => {
    const { span, call } = await addMixed(store);
    await store.write((tx) => tx.calls.update(call.id, { status: 'uploading', uploadUntil: 5 }));
    await store.write((tx) => tx.erasures.markSpan(span, { depersonalizedAt: 30 }));
    expect(await callIn(store, call)).toMatchObject({ status: 'uploading', uploadUntil: 5, depersonalizedAt: 30 });
  },
  'no call or candidate of another tenant is marked, whatever the items say': async ({ store }) => {
    const { span, erasure } = await addMixed(store, 'planned');
    const theirs = await addTenant(store);
    const [call, candidate] = [callOf(theirs), candidateOf(taskOf(theirs))];
    await store.write(async (tx) => {
      await tx.calls.insert(call);
      await tx.candidates.insert([candidate]);
      await tx.erasures.addItems(erasure.id, 4, [call.id, candidate.id]);
      await tx.erasures.markSpan({ ...span, toSeq: 6 }, { depersonalizedAt: 1, recordingErasedAt: 1 });
    });
    expect(await callIn(store, call)).toEqual(call);
    expect(await candidateIn(store, candidate)).toEqual(candidate);
  },
  'artifacts and tokens of candidates are items of a span as those of calls are': async ({ store }) => {
    const { span, call, candidate, otherCandidate } = await addMixed(store);
    const kinds = ['details', 'correlation'] as const;
    const artifacts = [candidate, otherCandidate, call].flatMap((owner, i) =>
      kinds.map((kind, k) => artifactOf(owner, 10 * i + k, { kind })),
    );
    const tokens = [candidate, otherCandidate, call].flatMap((owner) => [
      tokenOf(owner),
      tokenOf(owner, { kind: 'external' }),
    ]);
    await store.write(async (tx) => {
      await tx.artifacts.insert(artifacts);
      await tx.tokens.insertTokens(tokens);
      expect(await tx.erasures.spanArtifacts(span, ['recording', 'details'])).toEqual([
        { slot: 0, ownerId: candidate.id, kind: 'details', blob: null },
        { slot: 20, ownerId: call.id, kind: 'details', blob: null },
      ]);
      const external = await tx.erasures.spanTokens(span, ['external']);
      expect(external.map((token) => token.ownerId).toSorted()).toEqual([call.id, candidate.id].toSorted());
      await tx.erasures.deleteSpanArtifacts(span, ['details', 'transcript']);
      await tx.erasures.deleteSpanTokens(span, ['phone', 'email']);
    });
    expect((await store.reads.artifacts.page(0, 99)).map(({ slot }) => slot)).toEqual([1, 10, 11, 21]);
    const kindsLeft = async (ownerId: string) => (await store.reads.tokens.ofOwner(ownerId)).map(({ kind }) => kind);
    expect(await kindsLeft(candidate.id)).toEqual(['external']);
    expect(await kindsLeft(call.id)).toEqual(['external']);
    expect(await kindsLeft(otherCandidate.id)).toHaveLength(2);
  },
  'a candidate of a span is told as no call, and deleted with the calls of the span': async ({ store }) => {
    const { tenant, span, call, candidate, otherCandidate } = await addMixed(store);
    const [left, untouched] = [candidate, otherCandidate].map((one) => callOf(tenant, { candidateId: one.id }));
    if (!left || !untouched) throw new Error('two calls');
    await store.write(async (tx) => {
      for (const one of [left, untouched]) await tx.calls.insert(one);
    });
    const told = await store.write((tx) => tx.erasures.spanCalls(span));
    expect(told).toEqual([{ seq: 2, callId: candidate.id, status: null }]);
    await store.write((tx) => tx.erasures.deleteSpanCalls(span));
    expect(await callIn(store, call)).toBeUndefined();
    expect(await candidateIn(store, candidate)).toBeUndefined();
    expect(await candidateIn(store, otherCandidate)).toEqual(otherCandidate);
    // A call of the candidate that is no item stays, and names nobody any more.
    expect(await callIn(store, left)).toEqual({ ...left, candidateId: null });
    expect(await callIn(store, untouched)).toEqual(untouched);
  },
  'a started erasure gates a candidate as it gates a call, until its item is verified': async ({ store }) => {
    const { span, erasure, call, candidate } = await addMixed(store);
    const gated = async () =>
      (await store.reads.erasures.gatesOf([call.id, candidate.id])).map(({ callId }) => callId).toSorted();
    expect(await gated()).toEqual([]);
    await store.write((tx) => tx.erasures.move(erasure.id, 'planned', 'running', { unreadableAt: 1 }));
    expect(await gated()).toEqual([call.id, candidate.id].toSorted());
    const steps = ['planned', 'shredded', 'removed', 'verified'] as const;
    for (const [i, from] of steps.slice(0, -1).entries()) {
      await store.write((tx) => tx.erasures.moveSpan({ ...span, fromSeq: 2 }, from, steps[i + 1] ?? from, {}));
    }
    expect(await gated()).toEqual([call.id]);
  },
} satisfies StoreCases;
