import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import { purge } from '../../src/engine/erasure/purge.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import type { Identifier } from '../../src/model/call.ts';
import { expectRetry } from '../crash/invariants.ts';
import { archive, audio, callerOf, chunksOf, type LifeCall, newCallOf, recordingOf } from '../crash/life.ts';
import { erase, purgeAll, Stage, type Work } from './stage.ts';

const kept: LifeCall = { session: 'kept', phone: '+15125550100', bytes: 150_000, hasTranscript: true };
const purged: LifeCall = { session: 'purged', phone: '+15125550101', bytes: 90_000, hasTranscript: true };
const chat: LifeCall = { session: 'chat', phone: '+15125550101', bytes: 0, hasTranscript: true };
const anonymous: LifeCall = { session: 'anonymous', phone: '+15125550102', bytes: 9_000, hasTranscript: true };
const muted: LifeCall = { session: 'muted', phone: '+15125550103', bytes: 9_000 };
const late: LifeCall = { session: 'late', phone: '+15125550104', bytes: 20_000 };
const latePurged: LifeCall = { session: 'late-purged', phone: '+15125550105', bytes: 20_000 };
const held: LifeCall = { session: 'held', phone: '+15125550106', bytes: 9_000 };

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const holdOf = (given: { callIds?: string[]; identifiers?: Identifier[] }) => ({
  callIds: [],
  identifiers: [],
  from: null,
  to: null,
  reviewAt: null,
  reason: 'a court asked',
  ...given,
});

async function isHeld({ engine, caller }: Work, call: LifeCall): Promise<boolean> {
  const asked = { by: 'sessions', ids: [call.session] } as const;
  const [item] = await purge(engine, caller, asked, { whatIf: true, waitMs: 0 });
  return item?.standing === 'held';
}

describe('after a restore', () => {
  test('what was erased since the copy is erased again, and what was not plays', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, purged, chat, anonymous, muted));
    const copy = stage.copy();
    await stage.process(async (at) => {
      await purgeAll(at, { by: 'customer', phones: [purged.phone], emails: [] });
      await erase(at, 'depersonalize', anonymous, true);
      await erase(at, 'delete-recording', muted);
    });
    const report = await stage.restoreFrom(copy);
    expect(report.items.map((item) => [item.callId, item.action, item.wasHere]).sort()).toEqual(
      [
        [stage.idOf(purged), 'purge', true],
        [stage.idOf(chat), 'purge', true],
        [stage.idOf(anonymous), 'depersonalize', true],
        [stage.idOf(muted), 'delete-recording', true],
      ].sort(),
    );
    expect(report).toMatchObject({ verified: 4, callsWithoutBytes: [] });
    await stage.expectStandings([
      [kept, 'whole'],
      [purged, 'gone'],
      [chat, 'gone'],
      [anonymous, 'depersonalized'],
      [muted, 'muted'],
    ]);
    await stage.process(async ({ engine, caller }) => await expectRetry(engine, caller, purged, 'gone'));
  });

  test('a call archived and purged since the copy is still refused, and one archived since can be sent again', async () => {
    await stage.process(async (at) => await stage.archive(at, kept));
    const copy = stage.copy();
    await stage.process(async (at) => {
      await stage.archive(at, late, latePurged);
      await purgeAll(at, { by: 'calls', ids: [stage.idOf(latePurged)] });
    });
    const report = await stage.restoreFrom(copy);
    expect(report.items).toMatchObject([{ callId: stage.idOf(latePurged), wasHere: false }]);
    expect(report.bytesSwept, 'the bytes of the call that went with the database').toBe(1);
    await stage.expectStandings([[latePurged, 'gone']]);
    await stage.process(async ({ engine, caller }) => {
      await expectRetry(engine, caller, latePurged, 'gone');
      await expectRetry(engine, caller, late, 'absent');
    });
    await stage.expectStandings([[late, 'whole']]);
  });

  test('holds placed since hold again, later calls included, and holds released since are released again', async () => {
    let early = '';
    await stage.process(async (at) => {
      await stage.archive(at, held, kept, muted);
      early = (await placeHold(at.engine, at.caller, holdOf({ callIds: [stage.idOf(kept)] }))).id;
    });
    const copy = stage.copy();
    const placed: string[] = [];
    await stage.process(async (at) => {
      const byCall = await placeHold(at.engine, at.caller, holdOf({ callIds: [stage.idOf(held)] }));
      const phone = { kind: 'phone', value: muted.phone } as const;
      const byPhone = await placeHold(at.engine, at.caller, holdOf({ identifiers: [phone] }));
      placed.push(byCall.id, byPhone.id);
      await releaseHold(at.engine, at.caller, early);
    });
    const report = await stage.restoreFrom(copy);
    expect(report).toMatchObject({ holdsPlaced: placed, holdsReleased: [early], holdsWithoutIdentifiers: [] });
    await stage.process(async (at) => {
      expect(await isHeld(at, held)).toBe(true);
      expect(await isHeld(at, muted)).toBe(true);
      expect(await isHeld(at, kept)).toBe(false);
      const later = { ...late, phone: muted.phone };
      await stage.archive(at, later);
      expect(await isHeld(at, later)).toBe(true);
      await purgeAll(at, { by: 'customer', phones: [muted.phone], emails: [] });
    });
    await stage.expectStandings([[muted, 'whole']]);
  });

  test('a hold by phone whose epoch went with the database keeps its calls, and the report says so', async () => {
    await stage.process(async (at) => await stage.archive(at, held, kept));
    const copy = stage.copy();
    await stage.process(async (at) => {
      await at.engine.epochs.turn(at.caller.tenant.id);
      const phone = { kind: 'phone', value: held.phone } as const;
      await placeHold(at.engine, at.caller, holdOf({ identifiers: [phone] }));
    });
    const report = await stage.restoreFrom(copy);
    expect(report.holdsWithoutIdentifiers).toEqual(report.holdsPlaced);
    await stage.process(async (at) => {
      expect(await isHeld(at, held)).toBe(true);
      expect(await isHeld(at, kept)).toBe(false);
    });
  });

  test('an upload under way in the copy is ended, whatever became of it later', async () => {
    await stage.process(async (at) => {
      await stage.archive(at, kept);
      for (const call of [late, muted]) {
        const upload = new Upload(at.engine, at.caller);
        await upload.describe(newCallOf(call));
        await upload.storeRecording(chunksOf(recordingOf(call)), audio);
        // Its process goes away in the middle: the row stays until its lease ends.
      }
    });
    const copy = stage.copy();
    stage.lapse(60_000);
    await stage.process(async (at) => {
      await purgeAll(at, { by: 'sessions', ids: [muted.session] });
      await at.engine.store.reads.calls.count(at.caller.tenant.id);
    });
    stage.lapse(-60_000);
    await stage.restoreFrom(copy);
    await stage.process(async ({ engine, caller }) => {
      expect((await engine.store.reads.calls.page('', 9)).map((call) => call.id)).toEqual([stage.idOf(kept)]);
      await archive(engine, caller, late);
    });
    await stage.expectStandings([
      [kept, 'whole'],
      [late, 'whole'],
    ]);
  });

  test('entries of a tenant made after the copy are kept and reported', async () => {
    await stage.process(async (at) => await stage.archive(at, kept));
    const copy = stage.copy();
    const other = await stage.process(async ({ engine }) => {
      const tenant = await createTenant(engine, { slug: 'later', region: 'US' });
      const { callId } = await archive(engine, callerOf(tenant), late);
      await purge(engine, callerOf(tenant), { by: 'calls', ids: [callId] }, { whatIf: false, waitMs: 10_000 });
      return tenant.id;
    });
    expect(await stage.restoreFrom(copy)).toMatchObject({ unknownTenants: [other], items: [] });
  });

  test('a copy restored twice, and a copy of a restored database restored again, lose no erasure', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, purged, muted));
    const first = stage.copy();
    await stage.process(async (at) => await purgeAll(at, { by: 'calls', ids: [stage.idOf(purged)] }));
    await stage.restoreFrom(first);
    const second = stage.copy();
    await stage.process(async (at) => await erase(at, 'delete-recording', muted));
    await stage.restoreFrom(first);
    await stage.restoreFrom(second);
    await stage.expectStandings([
      [kept, 'whole'],
      [purged, 'gone'],
      [muted, 'muted'],
    ]);
  });

  test('a restore of a database that was never replaced changes nothing that anybody sees', async () => {
    await stage.process(async (at) => {
      await stage.archive(at, kept, purged);
      await purgeAll(at, { by: 'calls', ids: [stage.idOf(purged)] });
    });
    expect(await stage.restore()).toMatchObject({ entries: 0, items: [], unverified: 0, bytesSwept: 0 });
    await stage.process(async ({ engine }) => expect((await fsck(engine)).problems).toEqual([]));
    await stage.expectStandings([
      [kept, 'whole'],
      [purged, 'gone'],
    ]);
  });

  test('tokens of the copy stand under a new epoch, and a call is still found by its number', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, purged));
    const copy = stage.copy();
    await stage.process(async (at) => {
      await purgeAll(at, { by: 'calls', ids: [stage.idOf(purged)] });
      await at.engine.epochs.turn(at.caller.tenant.id);
    });
    await stage.restoreFrom(copy);
    await stage.process(async ({ engine, caller }) => {
      const epochs = await engine.store.reads.tokens.epochs(caller.tenant.id);
      expect(epochs).toHaveLength(1);
    });
    await stage.expectStandings([[kept, 'whole']]);
  });

  test('living calls whose bytes are not there are reported, and nothing else of them is touched', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, muted));
    const copy = stage.copy();
    await stage.process(async ({ engine }) => {
      const [artifact] = (await engine.store.reads.artifacts.ofOwner(stage.idOf(muted))).filter((one) => one.blob);
      await engine.blobs.erase([artifact?.blob ?? '']);
      await engine.rootKeys.seal();
    });
    stage.putBack(copy);
    expect(await stage.restore()).toMatchObject({ callsWithoutBytes: [stage.idOf(muted)], unverified: 0 });
    await stage.expectStandings([[kept, 'whole']]);
  });
});
