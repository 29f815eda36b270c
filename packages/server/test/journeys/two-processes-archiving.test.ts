/** Calls, and events that come before them, which two processes on PostgreSQL take at the same moment. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepAbandonedUploads } from '../../src/engine/archive/abandoned-uploads.ts';
import { PlatformUpload } from '../../src/engine/archive/platform-upload.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { addEvent } from '../../src/engine/events/add-event.ts';
import { sweepAwaited } from '../../src/engine/events/sweep-awaited.ts';
import { readCallBody } from '../../src/http/native/call-body.ts';
import type { Identifier } from '../../src/model/call.ts';
import { type LifeCall, newCallOf } from '../crash/life.ts';
import { type LifeEvent, openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import type { TestApp } from '../support/harness.ts';
import { startedAt } from '../support/native-client.ts';
import { describeWithPostgres } from '../support/servers.ts';
import { TwoProcesses } from '../support/two-processes.ts';

const call: LifeCall = { session: 'racing', phone: '+15125551234', bytes: 0, hasTranscript: true };
const event: LifeEvent = { call, field: 'early' };
const bySession = { by: 'sessions', ids: [call.session] } as const;
const fulfilled = (value: unknown) => ({ status: 'fulfilled', value });
const refused = (code: string) => ({ status: 'rejected', reason: { code } });

describeWithPostgres('what two processes take at once', (server) => {
  let at: TwoProcesses;
  beforeEach(async () => {
    at = await TwoProcesses.start(server);
  });
  afterEach(async () => await at.end());

  /** An upload that has yet to finish. */
  async function begin(process: TestApp, of: LifeCall = call, master?: Identifier): Promise<Upload> {
    const upload = new Upload(process.engine, at.caller);
    const { identifiers, correlation, ...described } = newCallOf(of);
    await upload.describe({
      ...described,
      identifiers: master === undefined ? identifiers : [...identifiers, master],
      correlation: { ...correlation, ...(master && { masterCallId: master.value }) },
    });
    return upload;
  }

  async function send(process: TestApp) {
    return await sendEvent(process.engine, at.caller, event);
  }

  async function purgeSession(process: TestApp) {
    const [item] = await purge(process.engine, at.caller, bySession, { whatIf: false, waitMs: 10_000 });
    return item?.standing;
  }

  async function calls() {
    return await at.one.engine.store.reads.calls.page('', 99);
  }

  /** How the calls stand that the event is with. */
  async function standings() {
    return ((await openedEvents(at.one.engine)).get(wordsOf(event)) ?? []).map(({ status }) => status);
  }

  async function expectNothingOfIt(): Promise<void> {
    const { reads } = at.one.engine.store;
    expect(await calls()).toEqual([]);
    expect(await reads.events.page('', 9)).toEqual([]);
    expect((await reads.tokens.page(undefined, 9)).map(({ ownerId }) => ownerId)).toEqual([]);
    await expect(begin(at.one)).rejects.toMatchObject({ code: 'call_erased' });
    expect(await send(at.other)).toBe('dropped');
  }

  test('an upload of a session is told of the other', async () => {
    const [first, second] = await at.meet(
      async () => await begin(at.one),
      async () => await begin(at.other),
      { after: 'archive:slots-taken' },
    );
    expect(second).toMatchObject(refused('upload_busy'));
    expect(first.status).toBe('fulfilled');
    if (first.status === 'fulfilled') await first.value.finish();
    expect(await calls()).toHaveLength(1);
  });

  test('a request under one Idempotency-Key is carried out once', async () => {
    const said = readCallBody({ startedAt });
    const tell = async (process: TestApp) => {
      const upload = await PlatformUpload.begin(process.engine, at.caller, 'the key');
      upload.describe(said);
      return upload;
    };
    const [mine, theirs] = [await tell(at.one), await tell(at.other)];
    const [first, second] = await at.meet(
      async () => await mine.finish(),
      async () => await theirs.finish(),
      { after: 'archive:slots-taken' },
    );
    expect([first.status, second]).toMatchObject(['fulfilled', refused('upload_busy')]);
    expect(await calls()).toHaveLength(1);
  });

  test('an event that comes while its call becomes visible is with it, once', async () => {
    const upload = await begin(at.one);
    const [, sent] = await at.meet(
      async () => await upload.finish(),
      async () => await send(at.other),
      { after: 'archive:sealed' },
    );
    expect(sent).toEqual(fulfilled('applied'));
    expect(await standings()).toEqual(['complete']);
  });

  test('a call that becomes visible while an event is being kept for it has the event, once', async () => {
    const upload = await begin(at.other);
    const [sent, finished] = await at.meet(
      async () => await send(at.one),
      async () => await upload.finish(),
    );
    expect([sent, finished.status]).toEqual([fulfilled(expect.stringMatching(/kept|applied/)), 'fulfilled']);
    expect(await standings()).toEqual(['complete']);
  });

  test('a call that becomes visible while its event is being written has the event, once', async () => {
    const upload = await begin(at.other);
    const [sent, finished] = await at.meet(
      async () => await send(at.one),
      async () => await upload.finish(),
      { after: 'event:named' },
    );
    expect([sent, finished.status]).toEqual([fulfilled(expect.stringMatching(/kept|applied/)), 'fulfilled']);
    expect(await standings()).toEqual(['complete']);
  });

  test('two calls of one master that come at once both have what waited for them, and nothing waits any more', async () => {
    const master = { kind: 'master', value: 'm-1' } as const;
    const mine = await begin(at.one, call, master);
    const theirs = await begin(at.other, { ...call, session: 'racing too' }, master);
    const early = { at: 1, metadata: { early: wordsOf(event) } };
    expect(await addEvent(at.one.engine, at.caller, master, early)).toBe('kept');
    const ended = await at.meet(
      async () => await mine.finish(),
      async () => await theirs.finish(),
      { after: 'archive:sealed' },
    );
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await standings()).toEqual(['complete', 'complete']);
    expect((await calls()).map(({ status }) => status)).toEqual(['complete', 'complete']);
  });

  test('an event that expires while its call takes it is with the call', async () => {
    expect(await send(at.other)).toBe('kept');
    const upload = await begin(at.one);
    at.lapse(25 * 3_600_000);
    const [finished, swept] = await at.meet(
      async () => await upload.finish(),
      async () => await sweepAwaited(at.other.engine),
      { after: 'archive:sealed' },
    );
    expect([finished.status, swept]).toEqual(['fulfilled', fulfilled(0)]);
    expect(await standings()).toEqual(['complete']);
  });

  test('a purge that meets a call becoming visible takes all of it', async () => {
    expect(await send(at.other)).toBe('kept');
    const upload = await begin(at.one);
    const [finished, purged] = await at.meet(
      async () => await upload.finish(),
      async () => await purgeSession(at.other),
      { after: 'archive:sealed' },
    );
    expect([finished.status, purged]).toEqual(['fulfilled', fulfilled('purging')]);
    await expectNothingOfIt();
  });

  test('a purge of what only waits is missed by no upload that comes meanwhile', async () => {
    expect(await send(at.other)).toBe('kept');
    const [begun, purged] = await at.meet(
      async () => await begin(at.one),
      async () => await purgeSession(at.other),
      { after: 'archive:slots-taken' },
    );
    expect([begun.status, purged]).toEqual(['fulfilled', fulfilled('purging')]);
    if (begun.status === 'fulfilled') {
      await expect(begun.value.finish()).rejects.toMatchObject({ code: 'call_erased' });
      await begun.value.abort();
    }
    await expectNothingOfIt();
  });

  test('a purge that meets the end of an upload leaves what refuses the next', async () => {
    const upload = await begin(at.one);
    const [aborted, purged] = await at.meet(
      async () => await upload.abort(),
      async () => await purgeSession(at.other),
    );
    expect(aborted.status).toBe('fulfilled');
    // Whichever came first: nothing was there to be purged, or it was and its session is refused from then on.
    if (purged.status === 'fulfilled' && purged.value === 'purging') await expectNothingOfIt();
    else expect(purged).toEqual(fulfilled('not_found'));
  });

  test('an upload whose lease is renewed while the sweep takes it for left alone goes on', async () => {
    const upload = await begin(at.one);
    const [{ id = '' } = {}] = await calls();
    at.lapse(at.other.config.uploadLeaseMs + 1);
    const until = at.other.engine.clock.now() + at.other.config.uploadLeaseMs;
    const [renewed, swept] = await at.meet(
      async () => await at.one.engine.store.write(async (tx) => await tx.calls.renewUpload(id, until)),
      async () => await sweepAbandonedUploads(at.other.engine),
    );
    expect([renewed, swept]).toEqual([fulfilled(true), fulfilled(0)]);
    expect(await upload.finish()).toEqual({ callId: id, isNew: true });
  });

  test('an event that meets the shredding of its call leaves nothing', async () => {
    await (await begin(at.one)).finish();
    const [sent, purged] = await at.meet(
      async () => await send(at.one),
      async () => await purgeSession(at.other),
      { after: 'event:sealed' },
    );
    // It was applied, and may have been looked at once more when nothing was left.
    expect([sent, purged]).toEqual([fulfilled(expect.stringMatching(/applied|dropped/)), fulfilled('purging')]);
    await expectNothingOfIt();
  });
});
