import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Upload } from '../../src/engine/archive/upload.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { journalEntry } from '../../src/keys/journal-entries.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { archiveCall, callOf, erase, type Lived, liveALittle, openCopy, recording } from './lived-archive.ts';

let lived: Lived;
beforeAll(async () => {
  lived = await liveALittle();
});
afterAll(async () => await lived.forget());

describe('fsck finds nothing wrong with', () => {
  it('an archive with calls, a campaign, a user, a hold, a purge, depersonalizations and a deleted recording', async () => {
    const at = await openCopy(lived);
    const report = await fsck(at.engine, { deep: true });
    expect(report.problems).toEqual([]);
    expect(report.counts).toMatchObject({
      calls: 7,
      recordings: 5,
      tombstones: 1,
      erasures: 4,
      activeHolds: 1,
      blobs: 5,
      tasks: 1,
      candidates: 2,
      users: 1,
      identifiers: 21,
      awaited: 1,
      awaitedOverdue: 0,
    });
    await at.close();
  });

  it('an upload under way, before and after its bytes, and one that was given up', async () => {
    const at = await openCopy(lived);
    const upload = new Upload(at.engine, at.caller);
    await upload.describe(callOf('s-new', '512 555 0100'));
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await upload.storeRecording(recording(), { contentType: 'audio/mpeg' });
    const report = await fsck(at.engine, { deep: true });
    expect(report.problems).toEqual([]);
    expect(report.counts).toMatchObject({ uploads: 1, blobs: 6 });
    at.sql('UPDATE call SET upload_until = 1 WHERE upload_until IS NOT NULL');
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await upload.abort();
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.close();
  });

  it('bytes that are still to go, of an erasure under way and of an abandoned upload', async () => {
    const at = await openCopy(lived);
    const blob = at.value<string>('SELECT blob FROM artifact WHERE owner_id = ? AND blob IS NOT NULL', at.story.plain);
    await at.engine.blobs.create(`${at.story.silenced}-99`, recording());
    at.sql(
      'INSERT INTO doomed_blob (blob, owner_id, erasure_id, since) VALUES (?, ?, NULL, 1)',
      `${at.story.silenced}-99`,
      at.story.silenced,
    );
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    expect(await at.engine.blobs.stat(blob)).not.toBeNull();
    await at.close();
  });

  it('slots of a leaf that a process has reserved, whether or not it still lives', async () => {
    const at = await openCopy(lived);
    await at.engine.issuer.take(3);
    at.sql('UPDATE reservation SET lease_until = 1');
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.close();
  });

  it('a token epoch that is being turned', async () => {
    const at = await openCopy(lived);
    await at.engine.epochs.begin(at.story.tenantId);
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.engine.epochs.finish(at.story.tenantId);
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.close();
  });

  it('events that have waited for longer than a day, which it counts', async () => {
    const clock: Clock = { now: () => Date.now() + 25 * 3_600_000 };
    const at = await openCopy(lived, { clock });
    const report = await fsck(at.engine, { deep: true });
    expect(report.problems).toEqual([]);
    expect(report.counts).toMatchObject({ awaited: 1, awaitedOverdue: 1 });
    await at.close();
  });

  it('tombstones dropped after their time', async () => {
    const clock: Clock = { now: () => Date.now() + 401 * 24 * 3_600_000 };
    const at = await openCopy(lived, { clock });
    await at.engine.store.write(async (tx) => await tx.tombstones.dropGone(clock.now(), 10));
    const report = await fsck(at.engine, { deep: true });
    expect(report.problems).toEqual([]);
    expect(report.counts['tombstones']).toBeUndefined();
    await at.close();
  });

  it('what a restore brought with it: entries about leaves never born here, and about tenants not known here', async () => {
    const at = await openCopy(lived);
    at.sql('UPDATE archive SET next_leaf = next_leaf + 20');
    const first = at.value<number>('SELECT next_leaf FROM archive') * 256 - 1000;
    const tenantId = 'a-tenant-of-a-lost-future';
    const what = { tenantId, ownerId: 'a-call', action: 'purge', slots: [first, first + 1] };
    const entries = [
      journalEntry('item_erased', Date.now(), what),
      journalEntry('hold_placed', Date.now(), { tenantId, ownerId: 'a-hold', slots: [] }),
    ];
    await at.engine.store.write(async (tx) => await tx.keys.appendJournal(entries));
    await at.engine.rootKeys.seal();
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.close();
  });

  it('an archive whose old root keys and segments have expired', async () => {
    const at = await openCopy(lived, {}, { TACET_BACKUP_HORIZON: '0' });
    await at.engine.rootKeys.seal();
    await at.engine.rootKeys.expire();
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.close();
  });
});

describe('fsck beside a working server', () => {
  it('raises no false alarm while uploads, purges, seals and expiry go on', async () => {
    const at = await openCopy(lived, {}, { TACET_BACKUP_HORIZON: '0' });
    const lanes = ['a', 'b', 'c'].map(async (lane) => {
      for (let i = 0; i < 8; i += 1) {
        const callId = await archiveCall(at.engine, at.caller, `s-${lane}-${i}`, `512 555 1${lane.charCodeAt(0)}${i}`);
        if (i % 3 === 0) await erase(at.engine, at.caller, 'purge', callId);
        if (i % 3 === 1) await erase(at.engine, at.caller, 'depersonalize', callId);
        const upload = new Upload(at.engine, at.caller);
        await upload.describe(callOf(`s-never-${lane}`, '512 555 0200'));
        if (i % 2 === 0) await upload.storeRecording(recording(), { contentType: 'audio/mpeg' });
        await upload.abort();
        if (lane === 'a') await at.engine.epochs.turn(at.story.tenantId);
      }
    });
    const state = { isWorking: true };
    const work = Promise.all(lanes).finally(() => {
      state.isWorking = false;
    });
    let runs = 0;
    while (state.isWorking) {
      const { problems } = await fsck(at.engine, { deep: true });
      expect(problems).toEqual([]);
      runs += 1;
    }
    await work;
    expect(runs).toBeGreaterThan(2);
    expect((await fsck(at.engine, { deep: true })).problems).toEqual([]);
    await at.close();
  });
});
