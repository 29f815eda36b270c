/** Events that meet the purge of their session. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Upload } from '../../src/engine/archive/upload.ts';
import { sessionStandings } from '../../src/engine/calls/call-status.ts';
import type { PurgeSubject } from '../../src/engine/erasure/purge-subject.ts';
import type { EventEnd } from '../../src/engine/events/add-event.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { Hold } from '../../src/model/erasure.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { bySession, call, EventScene, early, eventsWith, late } from './event-scene.ts';

let at: EventScene;
beforeEach(async () => {
  at = await EventScene.start();
});
afterEach(async () => await at.scene.end());

describe('a purge that meets an upload under way, for which events wait,', () => {
  const named: Record<string, (upload: string) => PurgeSubject> = {
    'by its session': () => bySession,
    'by its call': (upload) => ({ by: 'calls', ids: [upload] }),
    'by its number': () => ({ by: 'customer', phones: [call.phone], emails: [] }),
  };

  test.each(Object.keys(named))('%s, takes them with it', async (how) => {
    expect(await at.send(early)).toBe('kept');
    const upload = await at.begin();
    expect(await at.send(late)).toBe('kept');
    const [standing] = await sessionStandings(at.engine, at.scene.app.caller(), [call.session]);
    const id = standing?.kind === 'call' ? standing.call.id : '';
    expect(await at.purge(named[how]?.(id) ?? bySession)).toBe('purging');
    await at.expectPurged();
    await expect(upload.finish()).rejects.toMatchObject({ code: 'call_erased' });
    await upload.abort();
    await at.expectPurged();
  });

  test('takes them in the commit that takes the upload: a death after it leaves nothing', async () => {
    await at.send(early);
    const upload = await at.begin();
    let left: string[] | undefined;
    const looked = at.scene.faults.next('shred:committed', async () => {
      left = await at.opened();
    });
    await Promise.all([looked, at.purge()]);
    await upload.abort();
    expect(left).toEqual([]);
  });

  test('and is to leave it alone, leaves them alone too', async () => {
    await at.send(early);
    const upload = await at.begin();
    expect(await at.purge(bySession, { refuseIncomplete: true })).toBe('incomplete');
    expect(await at.opened()).toEqual(eventsWith('awaited', early));
    await upload.finish();
    expect(await at.opened()).toEqual(eventsWith('complete', early));
  });

  test('says that it is going for as long as its bytes may be there', async () => {
    await at.send(early);
    const upload = await at.begin();
    await at.purge();
    const standings = await sessionStandings(at.engine, at.scene.app.caller(), [call.session]);
    const again = await at.purge();
    await upload.abort();
    expect([standings[0]?.kind, again]).toEqual(['erasing', 'purging']);
  });
});

describe('a purge of a session of which only events have come', () => {
  test('refuses its upload from its gate on', async () => {
    await at.send(early);
    // Erased it is only once no hold can come between any more.
    const refused = at.scene.faults.next('erase:gated', async () => {
      await expect(at.come()).rejects.toMatchObject({ code: 'upload_busy' });
    });
    await Promise.all([refused, at.purge()]);
    await at.expectPurged();
  });

  test('takes an upload that began after it had looked and before its gate stood', async () => {
    await at.send(early);
    let upload: Upload | undefined;
    const started = at.scene.faults.next('erase:planned', async () => {
      upload = await at.begin();
    });
    expect((await Promise.all([at.purge(), started]))[0]).toBe('purging');
    await expect(upload?.finish()).rejects.toMatchObject({ code: 'call_erased' });
    await upload?.abort();
    await at.expectPurged();
  });

  test('takes an upload that began between two of its looks', async () => {
    await at.send(early);
    let upload: Upload | undefined;
    const engine = at.engineWith({
      erasures: {
        // Asked of the calls that were found: none.
        gatesOf: async (callIds) => {
          upload ??= await at.begin();
          return await at.engine.store.reads.erasures.gatesOf(callIds);
        },
      },
    });
    expect(await at.purge(bySession, {}, engine)).toBe('purging');
    await expect(upload?.finish()).rejects.toMatchObject({ code: 'call_erased' });
    await upload?.abort();
    await at.expectPurged();
  });

  test('may come twice at once', async () => {
    await at.send(early);
    expect(await Promise.all([at.purge(), at.purge()])).toEqual(['purging', 'purging']);
    await at.expectPurged();
    await untilQuiet(at.engine);
    expect(await at.purge()).toBe('not_found');
  });

  test('that is only a preview changes nothing', async () => {
    await at.send(early);
    expect(await at.purge(bySession, { whatIf: true })).toBe('would_purge');
    await at.come();
    expect(await at.opened()).toEqual(eventsWith('complete', early));
  });
});

test.each(['archived', 'only awaited'] as const)(
  'an event that comes while a purge is about to yield to a hold is not lost, where its call is %s',
  async (stage) => {
    if (stage === 'archived') await at.come();
    await at.send(early);
    let sent: Promise<EventEnd> | undefined;
    let hold: Hold | undefined;
    const placed = at.scene.faults.next('erase:gated', async () => {
      sent = at.send(late);
      hold = await at.hold();
    });
    expect((await Promise.all([at.purge(), placed]))[0]).toBe('held');
    const [end, status] = stage === 'archived' ? (['applied', 'complete'] as const) : (['kept', 'awaited'] as const);
    expect(await sent).toBe(end);
    expect(await at.opened()).toEqual(eventsWith(status, early, late));
    await releaseHold(at.engine, at.scene.app.caller(), hold?.id ?? '');
  },
);

describe('an event that comes while a purge of its session is', () => {
  const stages = ['archived', 'under way', 'only awaited'] as const;
  const points = ['erase:gated', 'shred:committed', 'erase:shredded'];

  test.each(stages.flatMap((stage) => points.map((point) => [point, stage] as const)))(
    'at %s is dropped, where its call is %s',
    async (point, stage) => {
      await at.send(early);
      const upload = stage === 'only awaited' ? undefined : await at.begin();
      if (stage === 'archived') await upload?.finish();
      let sent: Promise<EventEnd> | undefined;
      // Not waited for there: it may wait for the purge itself.
      const begins = at.scene.faults.next(point, async () => {
        sent = at.send(late);
      });
      await Promise.all([begins, at.purge()]);
      expect(await sent).toBe('dropped');
      await at.expectPurged();
      await upload?.abort();
    },
  );
});
