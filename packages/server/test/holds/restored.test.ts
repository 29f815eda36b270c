import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { heldAmong } from '../../src/engine/holds/held-calls.ts';
import { placeNamedHold } from '../../src/engine/holds/place-named-hold.ts';
import { readHold } from '../../src/engine/holds/read-holds.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { LifeCall } from '../crash/life.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { Stage, type Work } from '../restore/stage.ts';

const before: LifeCall = { session: 'before', phone: '+15125550100', bytes: 0, hasTranscript: true };
const after: LifeCall = { ...before, session: 'after' };
const none = { named: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

async function standing({ engine, caller }: Work, { session }: LifeCall) {
  const asked = { by: 'sessions', ids: [session] } as const;
  return (await purge(engine, caller, asked, { whatIf: true, waitMs: 0 }))[0]?.standing;
}

describe('a hold that was placed after the copy', () => {
  test('by the time alone holds again, calls that come later included, until it is released', async () => {
    await stage.process(async (at) => await stage.archive(at, before));
    const copy = stage.copy();
    const asked = { ...none, from: Date.parse('2020-01-01T00:00:00Z'), reviewAt: 9 };
    const id = await stage.process(async ({ engine, caller }) => (await placeNamedHold(engine, caller, asked)).id);
    const report = await stage.restoreFrom(copy);
    expect(report).toMatchObject({ holdsPlaced: [id], holdsWithoutIdentifiers: [] });
    await stage.process(async (at) => {
      await stage.archive(at, after);
      for (const call of [before, after]) expect(await standing(at, call)).toBe('held');
      const { hold, reason, subject } = await readHold(at.engine, at.caller, id);
      expect(hold).toMatchObject({ holdsAll: true, from: asked.from, to: null, reviewAt: 9 });
      expect([reason, subject]).toEqual([expect.stringContaining('lost'), null]);
      await releaseHold(at.engine, at.caller, id);
      for (const call of [before, after]) expect(await standing(at, call)).not.toBe('held');
    });
  });

  test('by a candidate holds that one again', async () => {
    const candidateId = await stage.process(async ({ engine, caller }) => {
      const task = await createTask(engine, caller, { name: 'spring', settings: {}, botId: null });
      return (
        (await addCandidates(engine, caller, [newCandidate(task, 'c-1', ['5125550301'])], { start: true }))[0] ?? ''
      );
    });
    const copy = stage.copy();
    const named = [{ kind: 'candidate', given: candidateId, path: 'subject.candidates[0]' }] as const;
    const id = await stage.process(
      async ({ engine, caller }) => (await placeNamedHold(engine, caller, { ...none, named })).id,
    );
    expect(await stage.restoreFrom(copy)).toMatchObject({ holdsPlaced: [id] });
    await stage.process(async ({ engine, caller }) => {
      const held = await heldAmong(engine, engine.store.reads, caller.tenant.id, [candidateId]);
      expect([...held]).toEqual([candidateId]);
    });
  });

  test('of one phone and some time, whose epoch went with the database, holds no more than it was placed on', async () => {
    await stage.process(async (at) => await stage.archive(at, before));
    const copy = stage.copy();
    const named = [{ kind: 'phone', given: '+15125559999', path: 'subject.phones[0]' }] as const;
    await stage.process(async ({ engine, caller }) => {
      await engine.epochs.turn(caller.tenant.id);
      await placeNamedHold(engine, caller, { ...none, named, from: 0 });
    });
    const report = await stage.restoreFrom(copy);
    expect(report.holdsWithoutIdentifiers).toEqual(report.holdsPlaced);
    await stage.process(async (at) => expect(await standing(at, before)).not.toBe('held'));
  });
});
