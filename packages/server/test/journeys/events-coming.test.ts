/** Events that meet the coming of their call, or what erases it, on their way. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { addEvent, type EventEnd } from '../../src/engine/events/add-event.ts';
import { sweepAwaited } from '../../src/engine/events/sweep-awaited.ts';
import { Upkeep } from '../../src/engine/upkeep/upkeep.ts';
import type { Identifier } from '../../src/model/call.ts';
import { call, EventScene, early, eventsWith, late } from './event-scene.ts';

const dayMs = 24 * 3_600_000;

let at: EventScene;
beforeEach(async () => {
  at = await EventScene.start();
});
afterEach(async () => await at.scene.end());

describe('an event that is on its way into the archive', () => {
  test.each(['purge', 'depersonalize'] as const)('is dropped when a %s of its call comes between', async (action) => {
    const callIds = [await at.come()];
    const erased = at.scene.faults.next('event:sealed', async () => {
      const asked = { action, keepRecording: true, callIds };
      await (await eraseNow(at.engine, at.scene.app.caller(), asked))?.ended;
    });
    expect((await Promise.all([at.send(late), erased]))[0]).toBe('dropped');
    expect(await at.opened()).toEqual([]);
  });

  test.each(['event:named', 'event:kept'])('is with its call once when that comes whole at %s', async (point) => {
    const came = at.scene.faults.next(point, async () => void (await at.come()));
    await Promise.all([at.send(early), came]);
    expect(await at.opened()).toEqual(eventsWith('complete', early));
  });

  test('is dropped when a purge of its session comes between its row and its words', async () => {
    const purged = at.scene.faults.next('event:named', async () => {
      expect(await at.purge()).toBe('purging');
    });
    expect((await Promise.all([at.send(early), purged]))[0]).toBe('dropped');
    await at.expectPurged();
  });

  test('is kept all the same when its row was taken for one that had waited for a day', async () => {
    const swept = at.scene.faults.next('event:named', async () => {
      at.scene.lapse(dayMs + 1);
      await new Upkeep(at.engine).once();
    });
    expect((await Promise.all([at.send(early), swept]))[0]).toBe('kept');
    expect(await at.opened()).toEqual(eventsWith('awaited', early));
  });

  test('finds its call under the token epoch that has begun meanwhile', async () => {
    const { engine, tenant } = at.scene.app;
    const turned = at.scene.faults.next('event:named', async () => await engine.epochs.turn(tenant.id));
    expect((await Promise.all([at.send(early), turned]))[0]).toBe('kept');
    await engine.epochs.turn(tenant.id);
    await at.come();
    expect(await at.opened()).toEqual(eventsWith('complete', early));
  });
});

describe('an event that races the end of the upload of its call', () => {
  test('comes before it and is with the call once', async () => {
    const upload = await at.begin();
    const sent = at.scene.faults.next('archive:sealed', async () => expect(await at.send(late)).toBe('kept'));
    await Promise.all([upload.finish(), sent]);
    expect(await at.opened()).toEqual(eventsWith('complete', late));
  });

  test('comes while it is written and is with the call once', async () => {
    await at.send(early);
    const upload = await at.begin();
    let sent: Promise<EventEnd> | undefined;
    // Within the finishing transaction, which takes the key under which the first event has waited.
    const reached = at.scene.faults.next('destroy:pages-written', async () => {
      sent = at.send(late);
    });
    await Promise.all([upload.finish(), reached]);
    expect(await sent).toBe('applied');
    expect(await at.opened()).toEqual(eventsWith('complete', early, late));
  });

  test('goes with its key while the call takes it, which comes all the same', async () => {
    await at.send(early);
    const { artifacts } = at.engine.store.reads;
    let isSwept = false;
    const engine = at.engineWith({
      artifacts: {
        findMany: async (ownerIds, kind) => {
          const found = await artifacts.findMany(ownerIds, kind);
          if (isSwept || kind !== 'details') return found;
          isSwept = true;
          at.scene.lapse(dayMs + 1);
          expect(await sweepAwaited(at.engine)).toBe(1);
          return found;
        },
      },
    });
    expect(await (await at.begin(call, [], engine)).finish()).toMatchObject({ isNew: true });
    expect([isSwept, await at.opened()]).toEqual([true, []]);
  });

  test('and the key of one that waited is sealed away like any other that was destroyed', async () => {
    await at.send(early);
    await at.come();
    const { reads } = at.engine.store;
    await expect
      .poll(async () => (await reads.journal.page('', 99)).filter((entry) => entry.copiedBy === null))
      .toEqual([]);
  });
});

describe('an event of a master id', () => {
  const master: Identifier = { kind: 'master', value: 'a-master' };
  const [first, second, third] = ['first', 'second', 'third'].map((session) => ({ ...call, session }));
  const heard = async () => {
    return await addEvent(at.engine, at.scene.app.caller(), master, { at: 1, metadata: { heard: 'of all' } });
  };

  test('reaches a call that comes while it is applied, and those of it that are still on their way', async () => {
    await (await at.begin(first, [master])).finish();
    const uploads = [await at.begin(second, [master]), await at.begin(third, [master])];
    const came = at.scene.faults.next('event:applied', async () => void (await uploads[0]?.finish()));
    await Promise.all([heard(), came]);
    await uploads[1]?.finish();
    expect(await at.opened()).toEqual(Array.from({ length: 3 }, () => 'complete: of all'));
  });

  test('reaches a call that comes between its last look and its row', async () => {
    const uploads = [await at.begin(first, [master]), await at.begin(second, [master])];
    const { reads } = at.engine.store;
    let came: Promise<unknown> | undefined;
    const engine = at.engineWith({
      artifacts: {
        findMany: async (ownerIds, kind) => {
          const found = await reads.artifacts.findMany(ownerIds, kind);
          came ??= uploads[0]?.finish();
          await came;
          return found;
        },
      },
    });
    const event = { at: 1, metadata: { heard: 'of all' } };
    expect(await addEvent(engine, at.scene.app.caller(), master, event)).toBe('kept');
    await uploads[1]?.finish();
    expect(await at.opened()).toEqual(Array.from({ length: 2 }, () => 'complete: of all'));
  });

  test('reaches every call that was on its way when it came, once, in whatever order they end', async () => {
    const uploads = [
      await at.begin(first, [master]),
      await at.begin(second, [master]),
      await at.begin(third, [master]),
    ];
    expect(await heard()).toBe('kept');
    await uploads[1]?.finish();
    await Promise.all([uploads[0]?.finish(), uploads[2]?.finish()]);
    expect(await at.opened()).toEqual(Array.from({ length: 3 }, () => 'complete: of all'));
  });

  test('is not taken by a call that comes once a purge of the only one on its way has begun', async () => {
    const upload = await at.begin(first, [master]);
    expect(await heard()).toBe('kept');
    const came = at.scene.faults.next('erase:gated', async () => {
      await (await at.begin(second, [master])).finish();
    });
    await Promise.all([at.purge({ by: 'sessions', ids: ['first'] }), came]);
    await upload.abort();
    expect(await at.opened()).toEqual([]);
  });

  test('stays with those that are left when one of its calls is purged on its way', async () => {
    const uploads = [await at.begin(first, [master]), await at.begin(second, [master])];
    expect(await heard()).toBe('kept');
    await at.purge({ by: 'sessions', ids: ['first'] });
    await uploads[0]?.abort();
    await uploads[1]?.finish();
    expect(await at.opened()).toEqual(['complete: of all']);
  });
});
