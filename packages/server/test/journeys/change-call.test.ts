/** What a platform says later of a call that is archived. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { changeCall } from '../../src/engine/calls/change-call.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { CallArtifactKind } from '../../src/model/call.ts';
import { callerOf, newCallOf } from '../crash/life.ts';
import { sendEvent, wordsOf } from '../crash/life-events.ts';
import { erasings, LateScene, silent, wordless } from '../support/late-scene.ts';
import { loseNextAnswer } from '../support/lost-answer.ts';
import { spokenOnce } from '../support/spoken.ts';

let at: LateScene;
beforeEach(async () => {
  at = await LateScene.start();
});
afterEach(async () => await at.scene.end());

/** A transcript of these turns. */
const spoken = (...texts: string[]) => ({ turns: texts.flatMap((text) => spokenOnce(text).turns) });

async function slotOf(callId: string, kind: CallArtifactKind): Promise<number | undefined> {
  return (await at.artifactsOf(callId)).find((artifact) => artifact.kind === kind)?.slot;
}

async function isDestroyed(slot: number | undefined): Promise<boolean> {
  return (await at.engine.tree.open(slot ?? -1)).kind === 'destroyed';
}

async function replacements() {
  return (await at.engine.store.reads.journal.page('', 99)).filter((entry) => entry.kind === 'slots_replaced');
}

/** All that is stored of a call, to be compared. */
async function storedOf(callId: string): Promise<unknown> {
  const call = await at.engine.store.reads.calls.find(at.scene.app.tenant.id, callId);
  return {
    call,
    artifacts: await at.artifactsOf(callId),
    late: await at.engine.store.reads.lateArtifacts.page(-1, 9),
  };
}

describe('a change of a call', () => {
  test('that would make more of an artifact than may be sealed is refused, however small each change is', async () => {
    const callId = await at.come();
    const filling = { filling: 'x'.repeat(1_500_000) };
    expect(await at.change(callId, { details: { variables: filling } })).toBe('changed');
    expect(await at.change(callId, { details: { results: filling } })).toBe('changed');
    const sizes = async () => (await at.artifactsOf(callId)).map(({ slot, sealed }) => [slot, sealed?.length]);
    const before = await sizes();
    expect(await at.change(callId, { details: { metadata: filling } })).toBe('input_invalid');
    expect(await at.change(callId, { correlation: { callbackData: filling } })).toBe('input_invalid');
    expect(await sizes()).toEqual(before);
    expect(await at.change(callId, { details: { metadata: { a: 1 } } })).toBe('changed');
  });

  test('adds what it says and leaves the rest, in details, correlation and row', async () => {
    const callId = await at.come();
    at.scene.lapse(1000);
    const said = {
      dialStatus: 'ANSWERED',
      endedAt: 1_700_000_090_000,
      details: { results: { confirmation: 'yes' }, nps: 9 },
      correlation: { botName: 'Bell', price: 1.5 },
    } as const;
    expect(await at.change(callId, said)).toBe('changed');
    const { call, details, correlation, transcript, updatedAt } = await at.read(callId);
    const before = newCallOf(silent);
    expect(details).toEqual({ ...before.details, results: { confirmation: 'yes' }, nps: 9 });
    expect(correlation).toEqual({ ...before.correlation, botName: 'Bell', price: 1.5 });
    expect(transcript).toEqual(before.transcript);
    expect(call).toMatchObject({ dialStatus: 'ANSWERED', endedAt: 1_700_000_090_000, durationMs: 90_000 });
    expect(updatedAt).toBeGreaterThanOrEqual(call.createdAt + 1000);
  });

  test('that says what is there already, or nothing, changes nothing at all', async () => {
    const callId = await at.come();
    const said = { details: { nps: 9, results: null }, transcript: spoken('one'), dialStatus: 'BUSY' } as const;
    await at.change(callId, said);
    const stored = await storedOf(callId);
    at.scene.lapse(1000);
    expect(await at.change(callId, said)).toBe('changed');
    expect(await at.change(callId, {})).toBe('changed');
    expect(await at.change(callId, { details: {}, correlation: { botName: null } })).toBe('changed');
    expect(await storedOf(callId)).toEqual(stored);
  });

  test('gives a call without one its transcript, which then grows at its end under the same slot', async () => {
    const callId = await at.come(wordless);
    await at.change(callId, { transcript: spoken('one') });
    const slot = await slotOf(callId, 'transcript');
    await at.change(callId, { transcript: spoken('one', 'two') });
    expect((await at.read(callId)).transcript).toEqual(spoken('one', 'two'));
    expect(await slotOf(callId, 'transcript')).toBe(slot);
    expect(await replacements()).toEqual([]);
  });

  test('that only adds keeps the slots that are there', async () => {
    const callId = await at.come();
    const slots = await Promise.all((['details', 'correlation'] as const).map((kind) => slotOf(callId, kind)));
    await at.change(callId, { details: { results: { a: 1 } }, correlation: { responder: 'human' } });
    await at.change(callId, { details: { results: { a: 1, b: [2] } } });
    await at.change(callId, { details: { results: { a: 1, b: [2, 3] } } });
    expect(await Promise.all((['details', 'correlation'] as const).map((kind) => slotOf(callId, kind)))).toEqual(slots);
    expect(await replacements()).toEqual([]);
    expect((await at.read(callId)).details).toMatchObject({ results: { a: 1, b: [2, 3] } });
  });

  test.each([
    ['details', { details: { results: 'first' } }, { details: { results: 'second' } }],
    ['correlation', { correlation: { botName: 'Bell' } }, { correlation: { botName: 'Cole' } }],
    ['transcript', { transcript: spoken('first') }, { transcript: spoken('second') }],
  ] as const)(
    'that replaces %s destroys the key of what was there, in one commit with journal and audit',
    async (kind, first, second) => {
      const callId = await at.come(wordless);
      await at.change(callId, first);
      const slot = await slotOf(callId, kind);
      let seen: unknown;
      const committed = at.scene.faults.next('change:committed', async () => {
        seen = [await isDestroyed(slot), (await replacements()).map((entry) => [entry.ownerId, entry.slots])];
      });
      await Promise.all([at.change(callId, second), committed]);
      expect(seen).toEqual([true, [[callId, [[slot, slot]]]]]);
      expect(await slotOf(callId, kind)).not.toBe(slot);
      expect(await at.read(callId)).toMatchObject(second);
      expect(await at.artifactsOf(callId)).toHaveLength(kind === 'transcript' ? 3 : 2);
      const audit = await at.engine.store.reads.audit.page('', 99);
      expect(audit.filter((row) => row.event === 'call.changed')).toMatchObject([
        { subjectId: callId, detail: { artifacts: 1, replaced: 0 } },
        { subjectId: callId, detail: { artifacts: 1, replaced: 1 } },
      ]);
    },
  );

  test('that replaces details keeps the events that came before, and later ones come as ever', async () => {
    const callId = await at.come();
    const events = [
      { call: silent, field: 'early' },
      { call: silent, field: 'late' },
    ] as const;
    await sendEvent(at.engine, at.caller, events[0]);
    await at.change(callId, { details: { results: 1 } });
    await at.change(callId, { details: { results: 2, metadata: { said: 'with the call' } } });
    await sendEvent(at.engine, at.caller, events[1]);
    expect((await at.read(callId)).details).toMatchObject({
      results: 2,
      metadata: { said: 'with the call', early: wordsOf(events[0]), late: wordsOf(events[1]) },
    });
    expect((await fsck(at.engine, { deep: true, repair: false })).problems).toEqual([]);
  });
});

describe('a change is refused, and nothing changes,', () => {
  test('that takes the status of a call back, or ends it before it began', async () => {
    const callId = await at.come();
    await at.change(callId, { dialStatus: 'ANSWERED' });
    const stored = await storedOf(callId);
    expect(await at.change(callId, { dialStatus: 'DIAL', details: { nps: 1 } })).toBe('input_invalid');
    expect(await at.change(callId, { endedAt: 1, transcript: spoken('x') })).toBe('input_invalid');
    expect(await storedOf(callId)).toEqual(stored);
  });

  test('of a call that is unknown, malformed or of another tenant, and of a caller that may not write', async () => {
    const callId = await at.come();
    const stored = await storedOf(callId);
    const other = callerOf(await createTenant(at.engine, { slug: 'other', region: 'US' }));
    const change = { details: { nps: 1 } };
    await expect(changeCall(at.engine, other, callId, change)).rejects.toMatchObject({ code: 'call_not_found' });
    for (const id of ['019a0000-0000-7000-8000-000000000000', '{id}', '']) {
      expect(await at.change(id, change)).toBe('call_not_found');
    }
    const reader = at.scene.app.caller(['calls:read']);
    await expect(changeCall(at.engine, reader, callId, change)).rejects.toMatchObject({ code: 'scope_missing' });
    expect(await storedOf(callId)).toEqual(stored);
  });

  test('under a legal hold where it would lose anything; what only adds is taken', async () => {
    const callId = await at.come();
    await at.change(callId, { details: { results: { a: 1 } } });
    const reason = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
    const hold = await placeHold(at.engine, at.caller, { ...reason, callIds: [callId] });
    const stored = await storedOf(callId);
    for (const change of [{ details: { results: { a: 2 } } }, { transcript: spoken('other words') }]) {
      expect(await at.change(callId, change)).toBe('item_held');
    }
    expect(await storedOf(callId)).toEqual(stored);
    expect(await at.change(callId, { details: { results: { a: 1, b: 2 } } })).toBe('changed');
    await releaseHold(at.engine, at.caller, hold.id);
    expect(await at.change(callId, { details: { results: { a: 2 } } })).toBe('changed');
  });

  test.each(['a depersonalization', 'a depersonalization that keeps the recording'] as const)(
    'after %s, where it says anything of details or transcript; what is kept can still change',
    async (name) => {
      const callId = await at.come();
      await at.shred(callId, erasings[name]);
      const stored = await storedOf(callId);
      for (const change of [
        { details: { results: 1 } },
        { transcript: spoken('x') },
        { transcript: spoken() },
        { details: { results: 1 }, correlation: { botName: 'Bell' }, dialStatus: 'BUSY' } as const,
      ]) {
        expect(await at.change(callId, change)).toBe('call_erased');
      }
      expect(await storedOf(callId)).toEqual(stored);
      expect(await at.change(callId, { correlation: { botName: 'Bell' }, dialStatus: 'BUSY' })).toBe('changed');
      expect(await at.read(callId)).toMatchObject({
        details: null,
        transcript: null,
        correlation: { botName: 'Bell' },
      });
    },
  );

  test('after a purge; a deletion of the recording leaves everything else to be changed', async () => {
    const callIds = [await at.come(), await at.come({ ...silent, session: 'spoken', bytes: 9000 })] as const;
    await at.shred(callIds[0], erasings['a purge']);
    await at.shred(callIds[1], erasings['a deletion of the recording']);
    expect(await at.change(callIds[0], { dialStatus: 'BUSY' })).toBe('call_erased');
    expect(await at.change(callIds[1], { details: { nps: 1 }, transcript: spoken('x') })).toBe('changed');
  });
});

test('a change whose commit happened and whose answer was lost stands, and says nothing new when it comes again', async () => {
  const callId = await at.come();
  await at.change(callId, { details: { results: 1 } });
  const sealed = at.scene.faults.next('change:sealed', async () => {
    loseNextAnswer(at.engine, 'store_failed');
  });
  const change = { details: { results: 2 } };
  expect((await Promise.all([at.change(callId, change), sealed]))[0]).toBe('store_failed');
  expect((await at.read(callId)).details).toMatchObject({ results: 2 });
  const stored = await storedOf(callId);
  expect(await at.change(callId, change)).toBe('changed');
  expect(await storedOf(callId)).toEqual(stored);
});
