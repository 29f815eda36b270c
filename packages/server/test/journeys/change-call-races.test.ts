/** Changes of a call that meet one another, events, erasures and sweeps. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallChange } from '../../src/engine/calls/change-call.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { sendEvent, wordsOf } from '../crash/life-events.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { type ErasingName, erasings, LateScene, silent, wordless } from '../support/late-scene.ts';
import { spokenOnce } from '../support/spoken.ts';

let at: LateScene;
beforeEach(async () => {
  at = await LateScene.start();
});
afterEach(async () => {
  await expectNothingComing();
  expect((await fsck(at.engine, { deep: true, repair: false })).problems).toEqual([]);
  await at.scene.end();
});

const changePoints = ['change:named', 'change:sealed'];
const first: CallChange = { details: { results: 'first' }, transcript: spokenOnce('first') };
const second: CallChange = { details: { results: 'second' }, transcript: spokenOnce('second') };

/** A call that says `first`: `second` replaces details and transcript. */
async function comeSayingFirst(): Promise<string> {
  const callId = await at.come(wordless);
  expect(await at.change(callId, first)).toBe('changed');
  return callId;
}

/** One artifact of each kind, all sealed, and no lease. */
async function expectNothingComing(): Promise<void> {
  await untilQuiet(at.engine);
  expect(await at.engine.store.reads.lateArtifacts.page(-1, 9)).toEqual([]);
  for (const call of await at.engine.store.reads.calls.page('', 99)) {
    const kinds = (await at.artifactsOf(call.id)).map(({ kind, sealed }) => `${kind} ${sealed === null}`);
    expect(kinds).toEqual([...new Set(kinds)]);
    expect(kinds.filter((kind) => kind.endsWith('true'))).toEqual([]);
  }
}

describe('two changes at once', () => {
  test('that both add are both there in the end', async () => {
    const callId = await at.come();
    const other = at.scene.faults.next('change:sealed', async () => {
      expect(await at.change(callId, { details: { nps: 9 } })).toBe('changed');
    });
    const [said] = await Promise.all([at.change(callId, { details: { dialogResult: 'good' } }), other]);
    expect(said).toBe('changed');
    expect((await at.read(callId)).details).toMatchObject({ nps: 9, dialogResult: 'good' });
  });

  test.each(changePoints)(
    'that both replace leave what the later one says, and nothing else that opens, at %s',
    async (point) => {
      const callId = await comeSayingFirst();
      const between: number[] = [];
      const other = at.scene.faults.next(point, async () => {
        expect(await at.change(callId, second)).toBe('changed');
        for (const { slot, kind, sealed } of await at.artifactsOf(callId)) {
          if (sealed !== null && kind !== 'correlation') between.push(slot);
        }
      });
      const third = { details: { results: 'third' }, transcript: spokenOnce('third') };
      const [said] = await Promise.all([at.change(callId, third), other]);
      expect(said).toBe('changed');
      expect(await at.read(callId)).toMatchObject(third);
      const states = await at.engine.tree.statesOf(between);
      expect([...states.values()]).toEqual(['destroyed', 'destroyed']);
    },
  );

  test('that both give the first transcript leave the later one alone', async () => {
    const callId = await at.come(wordless);
    const other = at.scene.faults.next('change:sealed', async () => {
      expect(await at.change(callId, { transcript: spokenOnce('one') })).toBe('changed');
    });
    const [said] = await Promise.all([at.change(callId, { transcript: spokenOnce('other') }), other]);
    expect(said).toBe('changed');
    expect((await at.read(callId)).transcript).toEqual(spokenOnce('other'));
  });

  test('of which one has ended the call do not let the other bring it back', async () => {
    const callId = await at.come();
    await at.engine.store.write(async (tx) => await tx.calls.update(callId, { dialStatus: 'SCHEDULED' }));
    const other = at.scene.faults.next('change:sealed', async () => {
      expect(await at.change(callId, { dialStatus: 'ANSWERED' })).toBe('changed');
    });
    const [said] = await Promise.all([at.change(callId, { dialStatus: 'INPROGRESS', details: { nps: 1 } }), other]);
    expect(said).toBe('input_invalid');
    const { call, details } = await at.read(callId);
    expect([call.dialStatus, details?.['nps']]).toEqual(['ANSWERED', undefined]);
  });

  test('that never come to rest give up, and nothing of the one that does is left', async () => {
    const callId = await comeSayingFirst();
    let changes = 0;
    const disturb = async (): Promise<void> => {
      changes += 1;
      const again = at.scene.faults.next('change:sealed', disturb);
      again.catch(() => undefined);
      // Straight into the row, as another process would have it.
      await at.engine.store.write(
        async (tx) => await tx.calls.update(callId, { endedAt: 1_800_000_000_000 + changes }),
      );
    };
    at.scene.faults.next('change:sealed', disturb).catch(() => undefined);
    expect(await at.change(callId, second)).toBe('store_busy');
    expect(await at.read(callId)).toMatchObject(first);
  });
});

describe('an event that comes while details are being replaced', () => {
  test.each(changePoints)('at %s is not lost', async (point) => {
    const callId = await at.come();
    await at.change(callId, { details: { results: 1 } });
    const event = { call: silent, field: 'late' } as const;
    const sent = at.scene.faults.next(point, async () => {
      expect(await sendEvent(at.engine, at.caller, event)).toBe('applied');
    });
    const [said] = await Promise.all([at.change(callId, { details: { results: 2 } }), sent]);
    expect(said).toBe('changed');
    expect((await at.read(callId)).details).toMatchObject({ results: 2, metadata: { late: wordsOf(event) } });
  });

  test('after it was sealed for the details that are gone is sealed again', async () => {
    const callId = await at.come();
    await at.change(callId, { details: { results: 1 } });
    const event = { call: silent, field: 'late' } as const;
    const replaced = at.scene.faults.next('event:sealed', async () => {
      expect(await at.change(callId, { details: { results: 2 } })).toBe('changed');
    });
    const [end] = await Promise.all([sendEvent(at.engine, at.caller, event), replaced]);
    expect(end).toBe('applied');
    expect((await at.read(callId)).details).toMatchObject({ results: 2, metadata: { late: wordsOf(event) } });
  });
});

describe.each(Object.keys(erasings) as ErasingName[])('%s', (name) => {
  const isReached = name !== 'a deletion of the recording';
  const said = isReached ? 'call_erased' : 'changed';

  test.each(changePoints)('that meets a change at %s takes what it reaches, old and new', async (point) => {
    const callId = await comeSayingFirst();
    const met = at.scene.faults.next(point, async () => await at.shred(callId, erasings[name]));
    expect((await Promise.all([at.change(callId, second), met]))[0]).toBe(said);
    at.scene.lapse(300_000);
    at.engine.nudge();
    await untilQuiet(at.engine);
    if (isReached) expect((await at.artifactsOf(callId)).map(({ kind }) => kind)).toEqual(keptOf(name));
    else expect(await at.read(callId)).toMatchObject(second);
  });

  test.each(changePoints)('that has only begun when a change is at %s does not let it end', async (point) => {
    const callId = await comeSayingFirst();
    const gate = at.scene.faults.stop('erase:gated');
    let erasing: Promise<void> | undefined;
    const met = at.scene.faults.next(point, async () => {
      erasing = at.shred(callId, erasings[name]);
      await gate.reached;
    });
    const [heard] = await Promise.all([at.change(callId, second), met]);
    expect(heard).toBe(isReached ? 'upload_busy' : 'changed');
    gate.goOn();
    await erasing;
    expect(await at.change(callId, second)).toBe(said);
  });
});

function keptOf(name: ErasingName): string[] {
  return name === 'a purge' ? [] : ['correlation'];
}

test('a hold that is placed while a change is being sealed keeps what the change would replace', async () => {
  const callId = await comeSayingFirst();
  const placed = at.scene.faults.next('change:sealed', async () => {
    const reason = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
    await placeHold(at.engine, at.caller, { ...reason, callIds: [callId] });
  });
  expect((await Promise.all([at.change(callId, second), placed]))[0]).toBe('item_held');
  expect(await at.read(callId)).toMatchObject(first);
});

describe('a change whose bearer falls silent', () => {
  test.each(changePoints)(
    'at %s harms nothing, is swept after its lease, and ends well if it goes on after all',
    async (point) => {
      const callId = await at.come(wordless);
      const silence = at.scene.faults.stop(point);
      const changing = at.change(callId, first);
      await silence.reached;
      expect((await at.read(callId)).transcript).toBeNull();
      expect(await at.sweep()).toBe(0);
      at.scene.lapse(at.scene.app.config.uploadLeaseMs);
      expect(await at.sweep()).toBe(1);
      await expectNothingComing();
      silence.goOn();
      expect(await changing).toBe('changed');
      expect(await at.read(callId)).toMatchObject(first);
    },
  );

  test('stands in the way of no other', async () => {
    const callId = await comeSayingFirst();
    const silence = at.scene.faults.stop('change:named');
    const changing = at.change(callId, second);
    await silence.reached;
    const third = { details: { results: 'third' }, transcript: spokenOnce('third') };
    expect(await at.change(callId, third)).toBe('changed');
    expect(await at.read(callId)).toMatchObject(third);
    expect((await fsck(at.engine)).problems, 'what is on its way is no damage').toEqual([]);
    silence.goOn();
    expect(await changing).toBe('changed');
    expect(await at.read(callId)).toMatchObject(second);
  });
});
