/** What two processes on PostgreSQL do to one archived call at the same moment. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CallChange, changeCall } from '../../src/engine/calls/change-call.ts';
import { excludeSessions } from '../../src/engine/calls/exclude.ts';
import { sweepLateArtifacts } from '../../src/engine/calls/late-artifacts.ts';
import { storeLateRecording } from '../../src/engine/calls/late-recording.ts';
import { readCall } from '../../src/engine/calls/read-call.ts';
import { openRecording } from '../../src/engine/calls/read-recording.ts';
import { depersonalizeCall } from '../../src/engine/erasure/depersonalize.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { archive, chunksOf, type LifeCall, recordingOf } from '../crash/life.ts';
import { sendEvent, wordsOf } from '../crash/life-events.ts';
import { untilQuiet } from '../crash/quiet.ts';
import type { TestApp } from '../support/harness.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { spokenOnce } from '../support/spoken.ts';
import { TwoProcesses } from '../support/two-processes.ts';

const call: LifeCall = { session: 'changing', phone: '+15125551234', bytes: 0, hasTranscript: true };
const event = { call, field: 'late' } as const;
const recording = recordingOf({ session: 'late', phone: '', bytes: 70_000 });
const first: CallChange = { details: { results: 'first' } };
const replaced: CallChange = { details: { results: 'second' }, transcript: spokenOnce('second') };
const done = { status: 'fulfilled' };
const refused = (code: string) => ({ status: 'rejected', reason: { code } });

describeWithPostgres('what two processes do to one call', (server) => {
  let at: TwoProcesses;
  let callId: string;
  beforeEach(async () => {
    at = await TwoProcesses.start(server);
    ({ callId } = await archive(at.one.engine, at.caller, call));
    await change(at.one, first);
  });
  afterEach(async () => await at.end());

  const change = async (process: TestApp, asked: CallChange) =>
    await changeCall(process.engine, at.caller, callId, asked);
  const send = async (process: TestApp) => await sendEvent(process.engine, at.caller, event);
  const put = async (process: TestApp) =>
    await storeLateRecording(process.engine, at.caller, callId, chunksOf(recording), { contentType: 'audio/wav' });
  const purgeIt = async (process: TestApp) =>
    await purge(process.engine, at.caller, { by: 'calls', ids: [callId] }, { whatIf: false, waitMs: 10_000 });
  const depersonalize = async (process: TestApp) =>
    await depersonalizeCall(process.engine, at.caller, callId, { keepRecording: false, waitMs: 10_000 });

  async function heard(): Promise<Buffer> {
    const opened = await openRecording(at.one.engine, at.caller, callId);
    const plain: Buffer[] = [];
    for await (const chunk of opened.body(0, opened.sizeBytes)) plain.push(chunk);
    await opened.close();
    return Buffer.concat(plain);
  }

  /** No row, no key and no byte of the call is left. */
  async function expectNothingOfIt(): Promise<void> {
    await untilQuiet(at.one.engine);
    const { reads } = at.one.engine.store;
    expect(await reads.calls.page('', 9)).toEqual([]);
    expect(await reads.artifacts.ofOwner(callId)).toEqual([]);
    expect(await reads.events.page('', 9)).toEqual([]);
    expect(await reads.lateArtifacts.page(-1, 9)).toEqual([]);
    const blobs: string[] = [];
    for await (const { name } of at.one.engine.blobs.list()) blobs.push(name);
    expect(blobs).toEqual([]);
  }

  test('an event that comes while its call is replaced is sealed under what takes its place', async () => {
    const ended = await at.meet(
      async () => await change(at.one, replaced),
      async () => await send(at.other),
      { after: 'change:sealed' },
    );
    expect(ended).toMatchObject([done, { ...done, value: 'applied' }]);
    const { details } = await readCall(at.one.engine, at.caller, callId);
    expect(details).toMatchObject({ results: 'second', metadata: { late: wordsOf(event) } });
  });

  test('a change that replaces what an event is being added to keeps the event', async () => {
    const ended = await at.meet(
      async () => await send(at.one),
      async () => await change(at.other, replaced),
      { after: 'event:sealed' },
    );
    expect(ended).toMatchObject([{ ...done, value: 'applied' }, done]);
    const { details } = await readCall(at.one.engine, at.caller, callId);
    expect(details).toMatchObject({ results: 'second', metadata: { late: wordsOf(event) } });
  });

  test('two changes are both made', async () => {
    const ended = await at.meet(
      async () => await change(at.one, { details: { nps: 9 } }),
      async () => await change(at.other, { details: { dialogResult: 'good' } }),
      { after: 'change:sealed' },
    );
    expect(ended).toMatchObject([done, done]);
    const { details } = await readCall(at.one.engine, at.caller, callId);
    expect(details).toMatchObject({ results: 'first', nps: 9, dialogResult: 'good' });
  });

  test('a recording that is there is not taken for one whose bearer has died', async () => {
    at.lapse(at.other.config.uploadLeaseMs + 1);
    const ended = await at.meet(
      async () => await put(at.one),
      async () => await sweepLateArtifacts(at.other.engine),
      { after: 'late:bytes-stored' },
    );
    expect(ended).toMatchObject([done, { ...done, value: 0 }]);
    expect((await heard()).equals(recording)).toBe(true);
  });

  test('of two recordings that come late one is stored', async () => {
    const ended = await at.meet(
      async () => await put(at.one),
      async () => await put(at.other),
    );
    expect(ended).toMatchObject([done, refused('upload_busy')]);
    expect((await heard()).equals(recording)).toBe(true);
  });

  test('a purge that meets a recording coming late leaves nothing of it', async () => {
    const [, purged] = await at.meet(
      async () => await put(at.one),
      async () => await purgeIt(at.other),
    );
    expect(purged).toMatchObject({ ...done, value: [{ standing: 'purging' }] });
    await expectNothingOfIt();
  });

  test('a purge that meets the last commit of a recording leaves nothing of it', async () => {
    const [, purged] = await at.meet(
      async () => await put(at.one),
      async () => await purgeIt(at.other),
      { after: 'late:bytes-stored' },
    );
    expect(purged).toMatchObject({ ...done, value: [{ standing: 'purging' }] });
    await expectNothingOfIt();
  });

  test.each(['change:named', 'change:sealed', undefined])(
    'a purge that meets a change leaves nothing of it (%s)',
    async (after) => {
      const [, purged] = await at.meet(
        async () => await change(at.one, replaced),
        async () => await purgeIt(at.other),
        after === undefined ? {} : { after },
      );
      expect(purged).toMatchObject({ ...done, value: [{ standing: 'purging' }] });
      await expectNothingOfIt();
    },
  );

  test('a change that meets the shredding of what it changes is refused', async () => {
    const [erased, changed] = await at.meet(
      async () => await depersonalize(at.one),
      async () => await change(at.other, replaced),
      { after: 'shred:rows-cleared' },
    );
    expect([erased, changed]).toMatchObject([done, { status: 'rejected' }]);
    const { reads } = at.one.engine.store;
    expect((await reads.artifacts.ofOwner(callId)).map(({ kind }) => kind)).toEqual(['correlation']);
  });

  test('a call that is being shredded is not excluded', async () => {
    const exclude = async () => await excludeSessions(at.other.engine, at.caller, [call.session]);
    const [purged, excluded] = await at.meet(async () => await purgeIt(at.one), exclude, {
      after: 'shred:rows-cleared',
    });
    expect([purged, excluded]).toMatchObject([done, done]);
    await expectNothingOfIt();
  });

  test('a purge that meets an exclusion takes the call', async () => {
    const exclude = async () => await excludeSessions(at.one.engine, at.caller, [call.session]);
    const [excluded, purged] = await at.meet(exclude, async () => await purgeIt(at.other));
    expect([excluded, purged]).toMatchObject([done, { ...done, value: [{ standing: 'purging' }] }]);
    await expectNothingOfIt();
  });
});
