/** Work in progress on campaigns, users and what comes late is no damage, and neither is what nobody will finish. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createUser, disableUser, sealEmail } from '../../src/engine/access/users.ts';
import { changeCall } from '../../src/engine/calls/change-call.ts';
import { sweepLateArtifacts } from '../../src/engine/calls/late-artifacts.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { addCandidates } from '../../src/engine/campaigns/add-candidates.ts';
import { createTask } from '../../src/engine/campaigns/create-task.ts';
import { sweepCandidates } from '../../src/engine/campaigns/sweep-candidates.ts';
import { depersonalizeCall, depersonalizeCandidate } from '../../src/engine/erasure/depersonalize.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { spokenOnce } from '../support/spoken.ts';
import { erase, type Lived, liveALittle, type OpenArchive, openCopy, recording } from './lived-archive.ts';
import { callCandidate, callSilently, newCandidate, userEmail } from './lived-campaign.ts';

const hourMs = 3_600_000;
const waitMs = 10_000;
const audio = { contentType: 'audio/mpeg' };

let lived: Lived;
let at: OpenArchive;
let faults: HookedFaults;
let lapsedMs: number;

beforeAll(async () => {
  lived = await liveALittle();
});
afterAll(async () => await lived.forget());
beforeEach(async () => {
  faults = new HookedFaults();
  lapsedMs = 0;
  at = await openCopy(lived, { faults, clock: { now: () => Date.now() + lapsedMs } });
});
afterEach(async () => await at.close());

async function expectClean(counts: object = {}): Promise<void> {
  for (const deep of [false, true]) {
    const report = await fsck(at.engine, { deep });
    expect(report.problems).toEqual([]);
    expect(report.counts).toMatchObject(counts);
  }
}

/** Does the work up to the point and no further: nobody hears of it again. */
async function leftAt(point: string, work: () => Promise<unknown>): Promise<void> {
  await Promise.race([faults.stop(point).reached, work().then(() => Promise.reject(new Error('it came to its end')))]);
}

const silentCall = async () => {
  const { task, candidate } = at.story;
  return await callSilently(at.engine, at.caller, { task, candidate, phone: '512 555 0301' });
};

describe('fsck finds nothing wrong with', () => {
  it.each(['candidates:named', 'candidates:sealed'])(
    'candidates whose adding has come to %s, hours later, and swept',
    async (point) => {
      const coming = [newCandidate(at.story.task, 'c-new', ['512 555 0401', '512 555 0402'])];
      await leftAt(point, async () => await addCandidates(at.engine, at.caller, coming, { start: false }));
      await expectClean({ candidates: 3 });
      lapsedMs = 5 * hourMs;
      await expectClean({ candidates: 3 });
      expect(await sweepCandidates(at.engine)).toBe(1);
      await expectClean({ candidates: 2 });
    },
  );

  it('a task that nobody has written to its end', async () => {
    const given = { name: 'autumn', settings: {}, botId: null };
    await leftAt('task:named', async () => await createTask(at.engine, at.caller, given));
    lapsedMs = 5 * hourMs;
    await expectClean({ tasks: 2 });
  });

  it.each(['late:named', 'late:bytes-stored'])(
    'a recording that comes late and has come to %s, hours later, and swept',
    async (point) => {
      const callId = await silentCall();
      const bring = async () => await storeLateRecording(at.engine, at.caller, callId, recording(), audio);
      await leftAt(point, bring);
      await expectClean({ lateArtifacts: 1, recordings: 5 });
      lapsedMs = 5 * hourMs;
      await expectClean({ lateArtifacts: 1 });
      expect(await sweepLateArtifacts(at.engine)).toBe(1);
      await expectClean({ recordings: 5 });
      await bring();
      await expectClean({ recordings: 6 });
    },
  );

  it.each(['purge', 'depersonalize', 'delete-recording'] as const)(
    'a recording that comes late and was met by a %s, before and after it has noticed',
    async (action) => {
      const callId = await silentCall();
      const { reached, goOn } = faults.stop('late:bytes-stored');
      const bringing = storeLateRecording(at.engine, at.caller, callId, recording(), audio);
      bringing.catch(() => undefined);
      await reached;
      const erasing = erase(at.engine, at.caller, action, callId);
      await erasing;
      await expectClean({ lateArtifacts: 1 });
      goOn();
      const code = action === 'purge' ? 'call_erased' : 'recording_erased';
      await expect(bringing).rejects.toMatchObject({ code });
      await expectClean({ recordings: 5 });
    },
  );

  it.each(['change:named', 'change:sealed'])(
    'a transcript, and details that take the place of others, whose change has come to %s',
    async (point) => {
      const callId = await silentCall();
      const change = { details: { results: { agreed: false } }, transcript: spokenOnce('no') };
      await leftAt(point, async () => await changeCall(at.engine, at.caller, callId, change));
      await expectClean({ lateArtifacts: 2 });
      lapsedMs = 5 * hourMs;
      await expectClean({ lateArtifacts: 2 });
      expect(await sweepLateArtifacts(at.engine)).toBe(2);
      await expectClean();
      await changeCall(at.engine, at.caller, callId, change);
      await expectClean();
    },
  );

  it('a user whose e-mail comes with the next login, and a key for tokens that comes when it is needed', async () => {
    at.sql("UPDATE artifact SET sealed = NULL WHERE kind IN ('user', 'user-token-key')");
    await expectClean({ users: 1 });
  });

  it('a user who was disabled, and another with the same e-mail', async () => {
    const { actor, tenant } = at.caller;
    await disableUser(at.engine, { email: userEmail, actor });
    await expectClean({ users: 1 });
    await createUser(at.engine, tenant, { email: userEmail, scopes: [], actor });
    await expectClean({ users: 2 });
  });

  it('a user who is disabled while a login brings the e-mail, which comes to nothing and is no error', async () => {
    at.sql("UPDATE artifact SET sealed = NULL WHERE kind = 'user'");
    const user = await at.engine.store.reads.users.find({ id: at.story.user });
    if (user === undefined) throw new Error('the story has a user');
    const disabling = disableUser(at.engine, { email: userEmail, actor: at.caller.actor });
    await Promise.all([disabling, ...Array.from({ length: 8 }, () => sealEmail(at.engine, user, userEmail))]);
    expect(await at.engine.store.reads.artifacts.ofOwner(user.id)).toEqual([]);
    await expectClean({ users: 1 });
  });

  it('an answer that is kept of a request, finished or not', async () => {
    const { tenantId, plain } = at.story;
    const insert = 'INSERT INTO kept_answer VALUES (?, randomblob(16), ?, ?, ?, 1, NULL)';
    at.sql(insert, tenantId, plain, 201, Buffer.from('sealed'));
    at.sql(insert, tenantId, 'a call that never came', null, null);
    await expectClean();
  });

  it('a call and a candidate that were erased in every order, what was kept first included', async () => {
    const { task, candidate, candidateCall } = at.story;
    const other = await callCandidate(at.engine, at.caller, { task, candidate, phone: '512 555 0302' });
    await depersonalizeCall(at.engine, at.caller, other, { keepRecording: true, waitMs });
    await expectClean();
    // One after the other: an erasure that meets bytes which another has just doomed is a worker's to try again.
    await untilQuiet(at.engine);
    await depersonalizeCandidate(at.engine, at.caller, candidate, { keepRecording: true, waitMs });
    await expectClean();
    await untilQuiet(at.engine);
    await depersonalizeCandidate(at.engine, at.caller, candidate, { keepRecording: false, waitMs });
    await untilQuiet(at.engine);
    await expectClean({ recordings: 4 });
    await erase(at.engine, at.caller, 'purge', candidateCall);
    await expectClean({ calls: 7, tombstones: 2 });
  });
});

describe('fsck beside a working server', () => {
  it('raises no false alarm while candidates, late recordings, changes and depersonalizations go on', async () => {
    const lanes = ['a', 'b'].map(async (lane) => {
      for (let i = 0; i < 6; i += 1) await liveACandidate(`${lane}-${i}`, i);
    });
    const state = { isWorking: true };
    const work = Promise.all(lanes).finally(() => {
      state.isWorking = false;
    });
    let runs = 0;
    while (state.isWorking) {
      expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
      runs += 1;
    }
    await work;
    await untilQuiet(at.engine);
    expect(runs).toBeGreaterThan(0);
    await expectClean({ candidates: 14 });
    await at.expectAtRest();
  });

  async function liveACandidate(name: string, i: number): Promise<void> {
    const { engine, caller } = at;
    const { task } = at.story;
    const phone = `512 555 ${1000 + i}`;
    const [candidate = ''] = await addCandidates(engine, caller, [newCandidate(task, name, [phone])], { start: false });
    const callId = await callSilently(engine, caller, { task, candidate, phone });
    await storeLateRecording(engine, caller, callId, recording(), audio);
    await changeCall(engine, caller, callId, { details: { results: { agreed: false } }, transcript: spokenOnce('no') });
    if (i % 3 === 0) await depersonalizeCall(engine, caller, callId, { keepRecording: i % 2 === 0, waitMs });
    if (i % 3 === 1) await depersonalizeCandidate(engine, caller, candidate, { keepRecording: i % 2 === 0, waitMs });
  }
});
