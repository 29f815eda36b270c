/** Everything that two processes on PostgreSQL may do to the same few calls and people, in any order and at once. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { changeCall } from '../../src/engine/calls/change-call.ts';
import { excludeSessions } from '../../src/engine/calls/exclude.ts';
import { sweepLateArtifacts } from '../../src/engine/calls/late-artifacts.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { cancelCandidates } from '../../src/engine/campaigns/cancel-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import type { Engine } from '../../src/engine/context.ts';
import { depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import { addEvent } from '../../src/engine/events/add-event.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { codeOf, type ErrorCode } from '../../src/model/errors.ts';
import { Prng } from '../attacker/prng.ts';
import { chunksOf, newCallOf, recordingOf } from '../crash/life.ts';
import { newCandidate } from '../fsck/lived-campaign.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { spokenOnce } from '../support/spoken.ts';
import { TwoProcesses } from '../support/two-processes.ts';

const lanes = 8;
const stepsPerLane = 25;
const recording = recordingOf({ session: 'late', phone: '', bytes: 20_000 });

/** What none of them may come to: nobody has done anything wrong, and nothing is broken. */
const unexplained: readonly ErrorCode[] = ['internal', 'damage', 'store_busy', 'key_destroyed', 'lease_lost'];

describeWithPostgres('two processes that do everything at once', (server) => {
  let at: TwoProcesses;
  let prng: Prng;
  let taskIds: string[];
  /** Those made last. */
  let callIds: string[];
  let candidateIds: string[];
  /** Grows, so that there is always something that is not erased yet. */
  let age: number;

  beforeEach(async () => {
    at = await TwoProcesses.start(server);
    prng = new Prng(20);
    taskIds = [];
    for (const name of ['one', 'two']) {
      taskIds.push(await createTask(at.one.engine, at.caller, { name, settings: {}, botId: null }));
    }
    [callIds, candidateIds, age] = [[], [], 0];
  });
  afterEach(async () => await at.end());

  const session = () => `session-${age + prng.below(4)}`;
  const master = () => `master-${Math.floor(age / 6) + prng.below(2)}`;
  const phone = () => `+1512555${1000 + age + prng.below(3)}`;
  const person = () => `512556${1000 + age + prng.below(3)}`;
  const lastOf = (ids: readonly string[]) => prng.pick(ids.slice(-4));

  async function purgeSome(engine: Engine, subject: PurgeSubject): Promise<void> {
    await purge(engine, at.caller, subject, { whatIf: false, waitMs: 10_000 });
  }

  async function archive(engine: Engine): Promise<void> {
    const upload = new Upload(engine, at.caller);
    const { identifiers, correlation, ...call } = newCallOf({ session: session(), phone: phone(), bytes: 0 });
    const masterCallId = master();
    const isOfCandidate = candidateIds.length > 0 && prng.chance(0.3);
    const described = {
      ...call,
      kind: 'call',
      source: 'native',
      candidateId: isOfCandidate ? lastOf(candidateIds) : null,
      identifiers: [...identifiers, { kind: 'master', value: masterCallId }],
      correlation: { ...correlation, masterCallId },
    } as const;
    try {
      await upload.describe(described, { hasRecording: false });
      if (prng.chance(0.8)) callIds.push((await upload.finish()).callId);
    } finally {
      await upload.abort();
    }
  }

  async function addPeople(engine: Engine): Promise<void> {
    const people = [1, 2].map(() =>
      newCandidate(prng.pick(taskIds), `row-${age + prng.below(3)}`, [person(), person()]),
    );
    candidateIds.push(...(await addCandidates(engine, at.caller, people, { start: true })));
  }

  async function holdForAMoment(engine: Engine): Promise<void> {
    const identifiers = [{ kind: 'phone', value: phone() }] as const;
    const hold = {
      callIds: candidateIds.slice(-1),
      identifiers,
      from: null,
      to: null,
      reviewAt: null,
      reason: 'a court',
    };
    await releaseHold(engine, at.caller, (await placeHold(engine, at.caller, hold)).id);
  }

  const eventOf = async (engine: Engine, kind: 'session' | 'master', value: string) =>
    await addEvent(engine, at.caller, { kind, value }, { at: 1, metadata: { said: 'later' } });

  /** What is done, each as often as it stands here. */
  const deeds: readonly ((engine: Engine) => Promise<unknown>)[] = [
    archive,
    archive,
    archive,
    async (engine) => await eventOf(engine, 'session', session()),
    async (engine) => await eventOf(engine, 'master', master()),
    async (engine) => await purgeSome(engine, { by: 'sessions', ids: [session(), session()] }),
    async (engine) => await purgeSome(engine, { by: 'customer', phones: [phone()], emails: [] }),
    async (engine) => await excludeSessions(engine, at.caller, [session(), session()]),
    async (engine) => {
      const change = { details: { results: prng.below(9) }, transcript: spokenOnce(`${prng.below(9)}`) };
      if (callIds.length > 0) await changeCall(engine, at.caller, lastOf(callIds), change);
    },
    async (engine) => {
      const facts = { contentType: 'audio/wav' };
      if (callIds.length > 0) await storeLateRecording(engine, at.caller, lastOf(callIds), chunksOf(recording), facts);
    },
    addPeople,
    async (engine) => await cancelCandidates(engine, at.caller, { taskId: prng.pick(taskIds), phone: person() }),
    async (engine) => {
      const how = { keepRecording: prng.chance(0.5), waitMs: 10_000 };
      if (candidateIds.length > 0) await depersonalizeCandidate(engine, at.caller, lastOf(candidateIds), how);
    },
    holdForAMoment,
    async (engine) => await engine.epochs.turn(at.caller.tenant.id),
    async (engine) => [await sweepAbandonedUploads(engine), await sweepLateArtifacts(engine)],
  ];

  test('leave an archive in which nothing is amiss, and are told nothing that nobody can explain', {
    timeout: 120_000,
  }, async () => {
    const failures: unknown[] = [];
    const engines = [at.one.engine, at.other.engine];
    const live = async (engine: Engine) => {
      for (let step = 0; step < stepsPerLane; step += 1) {
        if (prng.chance(0.15)) age += 1;
        await prng
          .pick(deeds)(engine)
          .catch((error: unknown) => {
            if (unexplained.includes(codeOf(error))) failures.push(error);
          });
      }
    };
    await Promise.all(Array.from({ length: lanes }, async (_, lane) => await live(engines[lane % 2] ?? at.one.engine)));
    expect(failures).toEqual([]);
  });
});
