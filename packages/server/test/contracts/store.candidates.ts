import { expect } from 'vitest';
import type { CandidateStatus } from '../../src/model/campaign.ts';
import { addTenant, callOf, candidateOf, id, taskOf } from '../support/store-rows.ts';
import type { StoreCases } from '../support/store-subject.ts';

const token = (byte: number) => Buffer.alloc(16, byte);

/** Candidates as they are added, listed, found by what they carry, and given up. */
export const candidateCases = {
  'candidates of a task are listed part by part, in the states asked for, and counted': async ({ store }) => {
    const tenant = await addTenant(store);
    const [task, other] = [taskOf(tenant), taskOf(tenant)];
    const statuses = ['PENDING', 'CANCELLED', 'ADDING', 'PENDING', 'PENDING'] as const;
    const added = statuses.map((status) => candidateOf(task, { status }));
    await store.write((tx) => tx.candidates.insert([...added.toReversed(), candidateOf(other)]));
    const { candidates } = store.reads;
    const list = async (of: readonly CandidateStatus[], offset: number, limit: number) =>
      await candidates.list(tenant.id, { taskId: task.id, statuses: of }, { offset, limit });
    expect(await list(['PENDING'], 0, 9)).toEqual([added[0], added[3], added[4]]);
    expect(await list(['PENDING'], 1, 1)).toEqual([added[3]]);
    expect(await list(['CANCELLED', 'ADDING'], 0, 9)).toEqual([added[1], added[2]]);
    expect(await list([], 0, 9)).toEqual([]);
    expect(await candidates.count(tenant.id, { taskId: task.id, statuses: ['PENDING', 'CANCELLED'] })).toBe(4);
    expect(await candidates.countsOfTasks(tenant.id, [task.id])).toEqual(new Map([[task.id, 4]]));
    const foreign = await addTenant(store);
    expect(await candidates.count(foreign.id, { taskId: task.id, statuses: ['PENDING'] })).toBe(0);
    expect(await candidates.list(foreign.id, { taskId: task.id, statuses }, { offset: 0, limit: 9 })).toEqual([]);
  },
  'a token leads to the candidates of one task that carry it, cancelled ones apart, and says which are erased': async ({
    store,
  }) => {
    const tenant = await addTenant(store);
    const [task, other] = [taskOf(tenant), taskOf(tenant)];
    const [first, second, adding] = [candidateOf(task), candidateOf(task), candidateOf(task, { status: 'ADDING' })];
    const others = [
      candidateOf(task, { status: 'CANCELLED' }),
      candidateOf(task, { status: 'CANCELLED', depersonalizedAt: 5 }),
      candidateOf(other),
    ];
    await store.write(async (tx) => {
      await tx.candidates.insert([first, second, adding, ...others]);
      const carry = { tenantId: tenant.id, kind: 'phone', epoch: 1 } as const;
      const owners = [first, adding, ...others].map((one) => one.id);
      await tx.tokens.insertTokens([
        ...owners.map((ownerId) => ({ ...carry, token: token(1), ownerId })),
        { ...carry, epoch: 2, token: token(2), ownerId: second.id },
        { ...carry, kind: 'external', token: token(1), ownerId: second.id },
        // A call may carry the same number.
        { ...carry, token: token(1), ownerId: id() },
      ]);
    });
    const { candidates } = store.reads;
    const found = async (taskId: string, tokens: { epoch: number; token: Uint8Array }[], tenantId = tenant.id) =>
      (await candidates.carriers(tenantId, taskId, 'phone', tokens)).map((one) => [one.candidateId, one.status]).sort();
    const asked = [
      { epoch: 1, token: token(1) },
      { epoch: 2, token: token(2) },
      ...Array.from({ length: 200 }, (_, i) => ({ epoch: 1, token: token(i + 10) })),
    ];
    expect(await found(task.id, asked)).toEqual(
      [
        [first.id, 'PENDING'],
        [second.id, 'PENDING'],
        [adding.id, 'ADDING'],
        [others[1]?.id, 'CANCELLED'],
      ].sort(),
    );
    const carriers = await candidates.carriers(tenant.id, task.id, 'phone', asked);
    expect(carriers.filter(({ isErased }) => isErased).map((one) => one.candidateId)).toEqual([others[1]?.id]);
    expect(await found(other.id, asked)).toEqual([[others[2]?.id, 'PENDING']]);
    expect(await found(task.id, [{ epoch: 2, token: token(1) }])).toEqual([]);
    expect(await found(task.id, [])).toEqual([]);
    expect(await found(task.id, asked, (await addTenant(store)).id)).toEqual([]);
    const [one] = await candidates.carriers(tenant.id, task.id, 'phone', [{ epoch: 2, token: token(2) }]);
    expect(one?.token).toEqual({ epoch: 2, token: token(2) });
  },
  'candidates that are being added are shown once, and those that never were are found by when somebody was at them':
    async ({ store }) => {
      const task = taskOf(await addTenant(store));
      const [old, young, shown] = [10, 30, 10].map((updatedAt) =>
        candidateOf(task, { status: 'ADDING', createdAt: 5, updatedAt }),
      );
      if (old === undefined || young === undefined || shown === undefined) throw new Error('there are three');
      const cancelled = candidateOf(task, { status: 'CANCELLED', updatedAt: 10 });
      await store.write((tx) => tx.candidates.insert([old, young, shown, cancelled]));
      const { candidates } = store.reads;
      expect(await candidates.unfinished(30, 9)).toEqual([old, shown]);
      expect(await candidates.unfinished(30, 1)).toEqual([old]);
      expect(await candidates.unfinished(31, 9, old)).toEqual([shown, young]);
      const show = async () => await store.write((tx) => tx.candidates.show([shown.id, cancelled.id, id()]));
      expect(await show()).toBe(1);
      expect(await show()).toBe(0);
      expect(await candidates.unfinished(31, 9)).toEqual([old, young]);
      expect(await candidates.ofTask(task.tenantId, task.id, '', 9)).toEqual(
        [old, young, { ...shown, status: 'PENDING', updatedAt: shown.createdAt }, cancelled].sort((a, b) =>
          a.id < b.id ? -1 : 1,
        ),
      );
      await store.write((tx) => tx.candidates.renew([old.id, shown.id, cancelled.id, id()], 31));
      expect(await candidates.unfinished(31, 9)).toEqual([young]);
      expect(await candidates.unfinished(32, 9)).toEqual([young, { ...old, updatedAt: 31 }]);
      expect(await candidates.unfinished(32, 9, young)).toEqual([{ ...old, updatedAt: 31 }]);
      expect(await candidates.find(task.tenantId, shown.id)).toMatchObject({ status: 'PENDING', updatedAt: 5 });
      expect(await candidates.find(task.tenantId, cancelled.id)).toEqual(cancelled);
      await store.write((tx) => tx.candidates.delete([old.id, id()]));
      expect(await candidates.find(task.tenantId, old.id)).toBeUndefined();
      expect(await candidates.find(task.tenantId, young.id)).toEqual(young);
    },
  'calls are counted by candidate, archived ones alone, and the last of them is named': async ({ store }) => {
    const tenant = await addTenant(store);
    const task = taskOf(tenant);
    const [called, spared] = [candidateOf(task), candidateOf(task)];
    const calls = [
      callOf(tenant, { candidateId: called.id }),
      callOf(tenant, { candidateId: called.id, status: 'excluded' }),
      callOf(tenant, { candidateId: called.id, status: 'uploading', uploadUntil: 9 }),
      callOf(tenant, { candidateId: spared.id, status: 'uploading', uploadUntil: 9 }),
    ];
    await store.write(async (tx) => {
      for (const call of calls) await tx.calls.insert(call);
    });
    const counts = async (tenantId: string) =>
      await store.reads.calls.countsOfCandidates(tenantId, [called.id, spared.id]);
    expect(await counts(tenant.id)).toEqual(new Map([[called.id, { calls: 2, lastCallId: calls[1]?.id }]]));
    expect(await counts((await addTenant(store)).id)).toEqual(new Map());
  },
} satisfies StoreCases;
