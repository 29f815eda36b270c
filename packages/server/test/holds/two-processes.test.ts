/** Holds of one process and erasures of another, at the same moment on PostgreSQL. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { type AskedHold, placeNamedHold } from '../../src/engine/holds/place-named-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { createPlan } from '../../src/engine/plans/create-plan.ts';
import { executePlan } from '../../src/engine/plans/execute-plan.ts';
import type { SubjectKind } from '../../src/engine/plans/subject.ts';
import { newCallOf } from '../crash/life.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { TwoProcesses } from '../support/two-processes.ts';
import { until } from '../support/until.ts';

const phone = '+15125551234';
const none = { named: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
const named = (kind: SubjectKind, given: string) => ({ kind, given, path: 'subject.phones[0]' });
const byPhone: AskedHold = { ...none, named: [named('phone', phone)] };
const byTime: AskedHold = { ...none, from: Date.parse('2020-01-01T00:00:00Z') };

describeWithPostgres('a hold of one process', (server) => {
  let at: TwoProcesses;
  beforeEach(async () => {
    at = await TwoProcesses.start(server);
  });
  afterEach(async () => await at.end());

  async function archived(session: string): Promise<string> {
    const upload = new Upload(at.one.engine, at.caller);
    await upload.describe(newCallOf({ session, phone, bytes: 0, hasTranscript: true }));
    return (await upload.finish()).callId;
  }

  const place = async (asked: AskedHold) => await placeNamedHold(at.one.engine, at.caller, asked);

  async function purged(callId: string) {
    const asked = { by: 'calls', ids: [callId] } as const;
    return (await purge(at.other.engine, at.caller, asked, { whatIf: false, waitMs: 10_000 }))[0]?.standing;
  }

  async function isThere(callId: string): Promise<boolean> {
    return (await at.one.engine.store.reads.calls.find(at.caller.tenant.id, callId)) !== undefined;
  }

  /** How many calls there were for the hold to keep when it was placed. */
  async function callsPlacedOn(holdId: string): Promise<unknown> {
    const { rows } = await at.one.engine.store.reads.audit.search(at.caller.tenant.id, { subjectId: holdId, limit: 9 });
    return rows.find(({ event }) => event === 'hold.placed')?.detail['calls'];
  }

  test.each([
    ['by a phone', byPhone],
    ['by the time alone', byTime],
  ])('%s keeps what another shreds, or came after that', async (_how, asked) => {
    for (let round = 0; round < 8; round += 1) {
      const callId = await archived(`racing-${round}`);
      const [hold, standing] = await Promise.all([place(asked), purged(callId)]);
      const isKept = await isThere(callId);
      expect(standing).toBe(isKept ? 'held' : 'purging');
      expect(await callsPlacedOn(hold.id), 'what it found when it was placed is there').toBe(isKept ? 1 : 0);
      await releaseHold(at.other.engine, at.caller, hold.id);
      if (isKept) expect(await purged(callId)).toBe('purging');
    }
  });

  test.each([
    ['by a phone', byPhone],
    ['by the time alone', byTime],
  ])('%s that is about to commit keeps what another is about to shred', async (_how, asked) => {
    const callId = await archived('met');
    const [hold, standing] = await at.meet(
      async () => await place(asked),
      async () => await purged(callId),
    );
    expect([hold.status, standing]).toEqual(['fulfilled', { status: 'fulfilled', value: 'held' }]);
    expect(await isThere(callId)).toBe(true);
  });

  test('lets the erasure of another go on by itself once it is released', async () => {
    const callId = await archived('waiting');
    const hold = await place(byPhone);
    const plan = { action: 'purge', keepRecording: false, named: [{ kind: 'phone', given: phone }] } as const;
    const id = await createPlan(at.other.engine, at.caller, plan);
    const { erasures } = at.one.engine.store.reads;
    await executePlan(at.other.engine, at.caller, id, { digest: (await erasures.find(id))?.digest ?? '' });
    await until(async () => (await erasures.tally(id)).held === 1);
    expect(await isThere(callId)).toBe(true);
    await releaseHold(at.one.engine, at.caller, hold.id);
    await until(async () => (await erasures.find(id))?.state === 'completed');
    expect(await isThere(callId)).toBe(false);
  });
});
