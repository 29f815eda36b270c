/** Campaigns and users through a copy of the database and a restore. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createUser } from '../../src/engine/access/users.ts';
import { openJson } from '../../src/engine/artifacts.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { readCandidate } from '../../src/engine/campaigns/read-candidate.ts';
import { readTask } from '../../src/engine/campaigns/read-task.ts';
import { sweepCandidates } from '../../src/engine/campaigns/sweep-candidates.ts';
import { sweepTasks } from '../../src/engine/campaigns/sweep-tasks.ts';
import { deleteRecording, depersonalizeCall, depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { findOwners } from '../../src/engine/identifiers.ts';
import type { CallArtifactKind } from '../../src/model/call.ts';
import { callCandidate, newCandidate } from '../fsck/lived-campaign.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { Stage, type Work } from './stage.ts';

const phones = ['512 555 0301', '512 555 0302'];
const waitMs = 10_000;
const hourMs = 3_600_000;

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

type Campaign = { task: string; candidate: string; calls: string[] };

/** A task with one candidate, who has been called twice. */
async function campaign({ engine, caller }: Work): Promise<Campaign> {
  const task = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
  const [candidate = ''] = await addCandidates(engine, caller, [newCandidate(task, 'c', phones)], { start: true });
  const calls: string[] = [];
  for (const phone of phones) calls.push(await callCandidate(engine, caller, { task, candidate, phone }));
  return { task, candidate, calls };
}

async function kindsOf({ engine }: Work, ownerId: string): Promise<CallArtifactKind[]> {
  // Owners of the test are calls and candidates.
  return (await engine.store.reads.artifacts.ofOwner(ownerId)).map(({ kind }) => kind as CallArtifactKind).sort();
}

async function foundBy({ engine, caller }: Work, phone: string): Promise<string[]> {
  const identifier = { kind: 'phone', value: phone } as const;
  return await findOwners(engine, engine.store.reads, caller.tenant, identifier, { afterId: '', limit: 99 });
}

async function plays({ engine, caller }: Work, callId: string): Promise<boolean> {
  const opened = await openRecording(engine, caller, callId);
  let bytes = 0;
  for await (const chunk of opened.body(0, opened.sizeBytes)) bytes += chunk.length;
  await opened.close();
  return bytes === opened.sizeBytes;
}

describe('after a restore', () => {
  test('a candidate depersonalized since the copy stays so with its calls, whose kept recordings play', async () => {
    const { task, candidate, calls } = await stage.process(campaign);
    const copy = stage.copy();
    await stage.process(async ({ engine, caller }) => {
      await depersonalizeCandidate(engine, caller, candidate, { keepRecording: true, waitMs });
    });
    const report = await stage.restoreFrom(copy);
    const told = report.items.map(({ callId, action, wasHere }) => [callId, action, wasHere]).sort();
    expect(told).toEqual([candidate, ...calls].map((id) => [id, 'depersonalize', true]).sort());
    expect(report).toMatchObject({ verified: 3, tombstones: 0, callsWithoutBytes: [], artifactsLost: [] });
    await stage.process(async (at) => {
      const read = await readCandidate(at.engine, at.caller, candidate);
      expect(read).toMatchObject({ phones: null, variables: null, clientExternalId: 'c', callCount: 2 });
      expect(read.candidate).toMatchObject({ status: 'CANCELLED', depersonalizedAt: expect.any(Number) });
      for (const id of calls) {
        expect(await kindsOf(at, id)).toEqual(['correlation', 'recording']);
        const row = await at.engine.store.reads.calls.find(at.caller.tenant.id, id);
        expect(row).toMatchObject({ depersonalizedAt: expect.any(Number), recordingErasedAt: null });
        expect(await plays(at, id)).toBe(true);
      }
      for (const phone of phones) expect(await foundBy(at, phone)).toEqual([]);
      const late = callCandidate(at.engine, at.caller, { task, candidate, phone: phones[0] ?? '' });
      await expect(late).rejects.toMatchObject({ code: 'candidate_erased' });
    });
  });

  test('what was kept at first and erased later is erased, however often it was asked for', async () => {
    const { candidate, calls } = await stage.process(campaign);
    const [first = '', second = ''] = calls;
    const copy = stage.copy();
    await stage.process(async ({ engine, caller }) => {
      await depersonalizeCall(engine, caller, first, { keepRecording: true, waitMs });
      await depersonalizeCandidate(engine, caller, candidate, { keepRecording: true, waitMs });
      await deleteRecording(engine, caller, second, { waitMs });
      await depersonalizeCandidate(engine, caller, candidate, { keepRecording: false, waitMs });
    });
    await stage.restoreFrom(copy);
    await stage.process(async (at) => {
      for (const id of calls) {
        expect(await kindsOf(at, id)).toEqual(['correlation']);
        const row = await at.engine.store.reads.calls.find(at.caller.tenant.id, id);
        expect(row).toMatchObject({ depersonalizedAt: expect.any(Number), recordingErasedAt: expect.any(Number) });
      }
      expect(await kindsOf(at, candidate)).toEqual(['correlation']);
    });
  });

  test('tasks, candidates and users of the copy are read as they were, and are found by their numbers', async () => {
    const { task, candidate, calls } = await stage.process(campaign);
    const email = 'someone@example.org';
    const { user } = await stage.process(async ({ engine, caller: { tenant, actor } }) => {
      return await createUser(engine, tenant, { email, scopes: ['calls:read'], actor });
    });
    const copy = stage.copy();
    const lost = await stage.process(async (at) => {
      await at.engine.rootKeys.seal();
      return await campaign(at);
    });
    expect(await stage.restoreFrom(copy)).toMatchObject({ items: [], bytesSwept: 2 });
    await stage.process(async (at) => {
      const { engine, caller } = at;
      expect(await readTask(engine, caller, task)).toMatchObject({ name: 'spring', callCount: 2, candidateCount: 1 });
      const read = await readCandidate(engine, caller, candidate);
      expect(read).toMatchObject({ phones, clientExternalId: 'c', lastCallId: calls[1] });
      expect(await foundBy(at, phones[0] ?? '')).toEqual([candidate, calls[0]].toSorted());
      const artifact = await engine.store.reads.artifacts.find(user.id, 'user');
      if (artifact === undefined) throw new Error('the user has an artifact');
      expect(await openJson(engine, artifact)).toEqual({ email });
      // What came after the copy went with the database.
      await expect(readTask(engine, caller, lost.task)).rejects.toMatchObject({ code: 'task_not_found' });
      await expect(readCandidate(engine, caller, lost.candidate)).rejects.toMatchObject({
        code: 'candidate_not_found',
      });
    });
  });

  test('a candidate that came and was depersonalized since the copy is reported, and nothing is made of it', async () => {
    await stage.process(campaign);
    const copy = stage.copy();
    const lost = await stage.process(async (at) => {
      const { task, candidate } = await campaign(at);
      await depersonalizeCandidate(at.engine, at.caller, candidate, { keepRecording: false, waitMs });
      return { task, candidate };
    });
    const { items } = await stage.restoreFrom(copy);
    expect(items).toHaveLength(3);
    expect(items).toContainEqual(expect.objectContaining({ callId: lost.candidate, wasHere: false }));
    await stage.process(async (at) => {
      expect(await at.engine.store.reads.candidates.page('', 99)).toHaveLength(1);
      const late = callCandidate(at.engine, at.caller, { ...lost, phone: phones[0] ?? '' });
      await expect(late).rejects.toMatchObject({ code: 'candidate_not_found' });
    });
  });

  test.each([false, true])(
    'a hold by phone that was placed since the copy holds no more than it did (its epoch lost: %j)',
    async (isEpochLost) => {
      const { candidate, calls } = await stage.process(campaign);
      const [first = '', second = ''] = calls;
      const copy = stage.copy();
      const found = { callIds: [], identifiers: [{ kind: 'phone', value: phones[0] ?? '' }] } as const;
      const of = { ...found, from: null, to: null, reviewAt: null, reason: 'a court asked' };
      const { id } = await stage.process(async ({ engine, caller }) => {
        if (isEpochLost) await engine.epochs.turn(caller.tenant.id);
        return await placeHold(engine, caller, of);
      });
      const report = await stage.restoreFrom(copy);
      expect(report).toMatchObject({ holdsPlaced: [id], holdsWithoutIdentifiers: isEpochLost ? [id] : [] });
      await stage.process(async ({ engine, caller }) => {
        expect(await engine.store.reads.holds.callsOf(id)).toEqual([first]);
        await depersonalizeCall(engine, caller, second, { keepRecording: false, waitMs });
        for (const [erase, held] of [
          [depersonalizeCall, first],
          [depersonalizeCandidate, candidate],
        ] as const) {
          const erasing = erase(engine, caller, held, { keepRecording: false, waitMs });
          await expect(erasing).rejects.toMatchObject({ code: 'item_held' });
        }
      });
    },
  );

  test('a task that was being made in the copy and was given up since is given up', async () => {
    await stage.process(campaign);
    const faults = new HookedFaults();
    const { reached } = faults.stop('task:named');
    await stage.process(
      async ({ engine, caller }) => {
        const making = createTask(engine, caller, { name: 'autumn', settings: {}, botId: null });
        await Promise.race([reached, making]);
      },
      { faults },
    );
    const copy = stage.copy();
    stage.lapse(5 * hourMs);
    // Its process is gone; whoever comes next has swept it, perhaps before we ask.
    await stage.process(async ({ engine }) => {
      await sweepTasks(engine);
      expect(await engine.store.reads.tasks.page('', 99)).toHaveLength(1);
    });
    stage.lapse(-5 * hourMs);
    await stage.restoreFrom(copy);
    await stage.process(async ({ engine }) => {
      expect(await engine.store.reads.tasks.page('', 99)).toHaveLength(1);
    });
  });

  test('a candidate whose adding was under way in the copy and given up since is given up', async () => {
    const { task } = await stage.process(campaign);
    const faults = new HookedFaults();
    const { reached } = faults.stop('candidates:named');
    await stage.process(
      async ({ engine, caller }) => {
        const adding = addCandidates(engine, caller, [newCandidate(task, 'late', phones)], { start: false });
        await Promise.race([reached, adding]);
      },
      { faults },
    );
    const copy = stage.copy();
    stage.lapse(5 * hourMs);
    // Its process is gone; whoever comes next has swept it, perhaps before we ask.
    await stage.process(async ({ engine }) => {
      await sweepCandidates(engine);
      expect(await engine.store.reads.candidates.page('', 99)).toHaveLength(1);
    });
    stage.lapse(-5 * hourMs);
    await stage.restoreFrom(copy);
    await stage.process(async ({ engine, caller }) => {
      expect(await engine.store.reads.candidates.page('', 99)).toHaveLength(1);
      const [again] = await addCandidates(engine, caller, [newCandidate(task, 'late', phones)], { start: false });
      expect(await readCandidate(engine, caller, again ?? '')).toMatchObject({ phones });
    });
  });
});
