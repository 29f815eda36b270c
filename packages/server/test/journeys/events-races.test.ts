/** Events that meet a purge or an upload on their way. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import type { Engine } from '../../src/engine/context.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { type PurgeOptions, purge } from '../../src/engine/erasure/purge.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import { addEvent, type EventEnd } from '../../src/engine/events/add-event.ts';
import { sweepAwaited } from '../../src/engine/events/sweep-awaited.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import type { Identifier } from '../../src/model/call.ts';
import type { StoreReads } from '../../src/model/store.ts';
import { archive, audio, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { type LifeEvent, openedEvents, sendEvent, wordsOf } from '../crash/life-events.ts';
import { untilQuiet } from '../crash/quiet.ts';
import type { TestApp } from '../support/harness.ts';
import { type Scene, startScene } from '../support/scene.ts';

const call: LifeCall = { session: 'racing', phone: '+15125551234', bytes: 20_000 };
const early: LifeEvent = { call, field: 'early' };
const late: LifeEvent = { call, field: 'late' };
const bySession: PurgeSubject = { by: 'sessions', ids: [call.session] };
const dayMs = 24 * 3_600_000;

let scene: Scene;
beforeEach(async () => {
  scene = await startScene();
});
afterEach(async () => await scene.end());

async function send(event: LifeEvent): Promise<EventEnd> {
  return await sendEvent(scene.app.engine, scene.app.caller(), event);
}

/** An upload whose bytes are stored and that has yet to finish. */
async function begun(
  of: LifeCall = call,
  more: readonly Identifier[] = [],
  { engine }: Pick<TestApp, 'engine'> = scene.app,
): Promise<Upload> {
  const upload = new Upload(engine, scene.app.caller());
  const described = newCallOf(of);
  await upload.describe({ ...described, identifiers: [...described.identifiers, ...more] });
  if (of.bytes > 0) await upload.storeRecording(chunksOf(recordingOf(of)), audio);
  return upload;
}

type Looks = { [Noun in 'calls' | 'artifacts']?: Partial<StoreReads[Noun]> };

/** The same engine, some of whose looks outside a transaction are others: something may happen between two of them. */
function engineWith(looks: Looks): Engine {
  const { engine } = scene.app;
  const { store } = engine;
  const calls = { ...store.reads.calls, ...looks.calls };
  const artifacts = { ...store.reads.artifacts, ...looks.artifacts };
  const reads: StoreReads = { ...store.reads, calls, artifacts };
  return { ...engine, store: { ...store, reads, write: store.write.bind(store) } };
}

async function archived(): Promise<string> {
  return (await archive(scene.app.engine, scene.app.caller(), call)).callId;
}

async function purgeBy(subject: PurgeSubject, options: Partial<PurgeOptions> = {}): Promise<string | undefined> {
  const asked = { whatIf: false, waitMs: 10_000, ...options };
  return (await purge(scene.app.engine, scene.app.caller(), subject, asked))[0]?.standing;
}

/** Every event that can be opened, and how the call that it is with stands: as often as it can be. */
async function opened(): Promise<string[]> {
  const found = [...(await openedEvents(scene.app.engine))];
  return found.flatMap(([words, calls]) => calls.map(({ status }) => `${status}: ${words}`)).sort();
}

const of = (status: 'awaited' | 'complete', ...events: LifeEvent[]) =>
  events.map((event) => `${status}: ${wordsOf(event)}`).sort();

/** Nothing of the session can be opened, and nothing of it is taken any more. */
async function expectPurged(): Promise<void> {
  expect(await opened()).toEqual([]);
  expect(await send(late)).toBe('dropped');
  await expect(archived()).rejects.toMatchObject({ code: 'call_erased' });
  const { reads } = scene.app.engine.store;
  expect(await reads.calls.awaitedSince(Number.MAX_SAFE_INTEGER, 9)).toEqual([]);
  expect(await reads.events.page('', 9)).toEqual([]);
}

describe('a purge that meets an upload under way, for which events wait,', () => {
  const named: Record<string, (upload: string) => PurgeSubject> = {
    'by its session': () => bySession,
    'by its call': (upload) => ({ by: 'calls', ids: [upload] }),
    'by its number': () => ({ by: 'customer', phones: [call.phone], emails: [] }),
  };

  test.each(Object.keys(named))('%s, takes them with it', async (how) => {
    expect(await send(early)).toBe('kept');
    const upload = await begun();
    expect(await send(late)).toBe('kept');
    const [standing] = await sessionStandings(scene.app.engine, scene.app.caller(), [call.session]);
    const id = standing?.kind === 'call' ? standing.call.id : '';
    expect(await purgeBy(named[how]?.(id) ?? bySession)).toBe('purging');
    await expectPurged();
    await expect(upload.finish()).rejects.toMatchObject({ code: 'call_erased' });
    await upload.abort();
    await expectPurged();
  });

  test('takes them in the commit that takes the upload: a death after it leaves nothing', async () => {
    await send(early);
    const upload = await begun();
    let left: string[] | undefined;
    const looked = scene.faults.next('shred:committed', async () => {
      left = await opened();
    });
    await Promise.all([looked, purgeBy(bySession)]);
    await upload.abort();
    expect(left).toEqual([]);
  });

  test('and is to leave it alone, leaves them alone too', async () => {
    await send(early);
    const upload = await begun();
    expect(await purgeBy(bySession, { refuseIncomplete: true })).toBe('incomplete');
    expect(await opened()).toEqual(of('awaited', early));
    await upload.finish();
    expect(await opened()).toEqual(of('complete', early));
  });

  test('says that it is going for as long as its bytes may be there', async () => {
    await send(early);
    const upload = await begun();
    await purgeBy(bySession);
    const standings = await sessionStandings(scene.app.engine, scene.app.caller(), [call.session]);
    const again = await purgeBy(bySession);
    await upload.abort();
    expect([standings[0]?.kind, again]).toEqual(['erasing', 'purging']);
  });
});

describe('a purge of a session of which only events have come', () => {
  test('refuses its upload from its gate on', async () => {
    await send(early);
    // Erased it is only once no hold can come between any more.
    const refused = scene.faults.next('erase:gated', async () => {
      await expect(archived()).rejects.toMatchObject({ code: 'upload_busy' });
    });
    await Promise.all([refused, purgeBy(bySession)]);
    await expectPurged();
  });

  test('takes an upload that began after it had looked and before its gate stood', async () => {
    await send(early);
    let upload: Upload | undefined;
    const started = scene.faults.next('erase:planned', async () => {
      upload = await begun();
    });
    expect((await Promise.all([purgeBy(bySession), started]))[0]).toBe('purging');
    await expect(upload?.finish()).rejects.toMatchObject({ code: 'call_erased' });
    await upload?.abort();
    await expectPurged();
  });

  test('takes an upload that began between two of its looks', async () => {
    await send(early);
    let upload: Upload | undefined;
    const engine = engineWith({
      calls: {
        anyAwaited: async (tenantId) => {
          upload ??= await begun();
          return await scene.app.engine.store.reads.calls.anyAwaited(tenantId);
        },
      },
    });
    const asked = { whatIf: false, waitMs: 10_000 };
    expect(await purge(engine, scene.app.caller(), bySession, asked)).toMatchObject([{ standing: 'purging' }]);
    await expect(upload?.finish()).rejects.toMatchObject({ code: 'call_erased' });
    await upload?.abort();
    await expectPurged();
  });

  test('may come twice at once', async () => {
    await send(early);
    expect(await Promise.all([purgeBy(bySession), purgeBy(bySession)])).toEqual(['purging', 'purging']);
    await expectPurged();
    await untilQuiet(scene.app.engine);
    expect(await purgeBy(bySession)).toBe('not_found');
  });

  test('that is only a preview changes nothing', async () => {
    await send(early);
    expect(await purgeBy(bySession, { whatIf: true })).toBe('would_purge');
    await archived();
    expect(await opened()).toEqual(of('complete', early));
  });
});

describe('an event that comes while a purge of its session is', () => {
  const stages = ['archived', 'under way', 'only awaited'] as const;
  const points = ['erase:gated', 'shred:committed', 'erase:shredded'];

  test.each(stages.flatMap((stage) => points.map((point) => [point, stage] as const)))(
    'at %s is dropped, where its call is %s',
    async (point, stage) => {
      await send(early);
      const upload = stage === 'only awaited' ? undefined : await begun();
      if (stage === 'archived') await upload?.finish();
      let sent: Promise<EventEnd> | undefined;
      // Not waited for there: it may wait for the purge itself.
      const begins = scene.faults.next(point, async () => {
        sent = send(late);
      });
      await Promise.all([begins, purgeBy(bySession)]);
      expect(await sent).toBe('dropped');
      await expectPurged();
      await upload?.abort();
    },
  );
});

describe('an event that is on its way into the archive', () => {
  test.each(['purge', 'depersonalize'] as const)('is dropped when a %s of its call comes between', async (action) => {
    const callIds = [await archived()];
    const erased = scene.faults.next('event:sealed', async () => {
      const asked = { action, keepRecording: true, callIds };
      await (await eraseNow(scene.app.engine, scene.app.caller(), asked))?.ended;
    });
    expect((await Promise.all([send(late), erased]))[0]).toBe('dropped');
    expect(await opened()).toEqual([]);
  });

  test.each(['event:named', 'event:kept'])('is with its call once when that comes whole at %s', async (point) => {
    const came = scene.faults.next(point, async () => void (await archived()));
    await Promise.all([send(early), came]);
    expect(await opened()).toEqual(of('complete', early));
  });

  test('is dropped when a purge of its session comes between its row and its words', async () => {
    const purged = scene.faults.next('event:named', async () => {
      expect(await purgeBy(bySession)).toBe('purging');
    });
    expect((await Promise.all([send(early), purged]))[0]).toBe('dropped');
    await expectPurged();
  });

  test('is kept all the same when its row was taken for one that had waited for a day', async () => {
    const swept = scene.faults.next('event:named', async () => {
      scene.lapse(dayMs + 1);
      await new Upkeep(scene.app.engine).once();
    });
    expect((await Promise.all([send(early), swept]))[0]).toBe('kept');
    expect(await opened()).toEqual(of('awaited', early));
  });

  test('finds its call under the token epoch that has begun meanwhile', async () => {
    const { engine, tenant } = scene.app;
    const turned = scene.faults.next('event:named', async () => await engine.epochs.turn(tenant.id));
    expect((await Promise.all([send(early), turned]))[0]).toBe('kept');
    await engine.epochs.turn(tenant.id);
    await archived();
    expect(await opened()).toEqual(of('complete', early));
  });
});

describe('an event that races the end of the upload of its call', () => {
  test('comes before it and is with the call once', async () => {
    const upload = await begun();
    const sent = scene.faults.next('archive:sealed', async () => expect(await send(late)).toBe('kept'));
    await Promise.all([upload.finish(), sent]);
    expect(await opened()).toEqual(of('complete', late));
  });

  test('comes while it is written and is with the call once', async () => {
    await send(early);
    const upload = await begun();
    let sent: Promise<EventEnd> | undefined;
    // Within the finishing transaction, which takes the key under which the first event has waited.
    const reached = scene.faults.next('destroy:pages-written', async () => {
      sent = send(late);
    });
    await Promise.all([upload.finish(), reached]);
    expect(await sent).toBe('applied');
    expect(await opened()).toEqual(of('complete', early, late));
  });

  test('goes with its key while the call takes it, which comes all the same', async () => {
    await send(early);
    const { artifacts } = scene.app.engine.store.reads;
    let isSwept = false;
    const engine = engineWith({
      artifacts: {
        findMany: async (ownerIds, kind) => {
          const found = await artifacts.findMany(ownerIds, kind);
          if (isSwept || kind !== 'details') return found;
          isSwept = true;
          scene.lapse(dayMs + 1);
          expect(await sweepAwaited(scene.app.engine)).toBe(1);
          return found;
        },
      },
    });
    expect(await (await begun(call, [], { engine })).finish()).toMatchObject({ isNew: true });
    expect([isSwept, await opened()]).toEqual([true, []]);
  });

  test('and the key of one that waited is sealed away like any other that was destroyed', async () => {
    await send(early);
    await archived();
    const { reads } = scene.app.engine.store;
    await expect
      .poll(async () => (await reads.journal.page('', 99)).filter((entry) => entry.copiedBy === null))
      .toEqual([]);
  });
});

test('an event of a master id reaches a call that came while others of it are still on their way', async () => {
  const master: Identifier = { kind: 'master', value: 'a-master' };
  const [first, second, third] = ['first', 'second', 'third'].map((session) => ({ ...call, session }));
  await (await begun(first, [master])).finish();
  const uploads = [await begun(second, [master]), await begun(third, [master])];
  const came = scene.faults.next('event:applied', async () => void (await uploads[0]?.finish()));
  const metadata = { heard: 'of all' };
  await Promise.all([addEvent(scene.app.engine, scene.app.caller(), master, { at: 1, metadata }), came]);
  await uploads[1]?.finish();
  expect(await opened()).toEqual(Array.from({ length: 3 }, () => 'complete: of all'));
});
