import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileBlobs } from '../../src/blobs/file-blobs.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { Upload } from '../../src/engine/archive/upload.ts';
import type { FsckReport } from '../../src/engine/fsck/findings.ts';
import { fsck } from '../../src/engine/fsck/fsck.ts';
import { tombstoneToken } from '../../src/engine/identifiers.ts';
import { noFaults } from '../../src/lib/faults.ts';
import type { BlobReader } from '../../src/model/blob-store.ts';
import { hasCode } from '../../src/model/errors.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { slotOf } from './damage.ts';
import {
  archiveCall,
  callOf,
  erase,
  type Lived,
  liveALittle,
  type OpenArchive,
  openCopy,
  readableOf,
  recording,
} from './lived-archive.ts';

let lived: Lived;
beforeAll(async () => {
  lived = await liveALittle();
});
afterAll(async () => await lived.forget());

describe('a repair', () => {
  it('does nothing to an archive that is sound, work in progress included', async () => {
    const at = await openCopy(lived);
    const upload = new Upload(at.engine, at.caller);
    await upload.describe(callOf('s-new', '512 555 0100'));
    await upload.storeRecording(recording(), { contentType: 'audio/mpeg' });
    const report = await fsck(at.engine, { deep: true, repair: true });
    expect(report).toMatchObject({ clean: true, problems: [], repairs: [] });
    expect((await upload.finish()).isNew).toBe(true);
    await at.close();
  });

  it('lets a tombstone that it made again refuse a retried upload as the lost one did', async () => {
    const at = await openCopy(lived);
    at.sql('DELETE FROM tombstone_token');
    at.sql('DELETE FROM tombstone');
    expect(await fsck(at.engine, { repair: true })).toMatchObject({ clean: true });
    const upload = new Upload(at.engine, at.caller);
    await expect(upload.describe(callOf('s-purged', '512 555 0004'))).rejects.toMatchObject({ code: 'call_erased' });
    const [stone] = await at.engine.store.reads.tombstones.find(at.story.tenantId, [at.story.purged]);
    expect(stone).toMatchObject({ callId: at.story.purged, goneAt: expect.any(Number) });
    await at.close();
  });

  it('makes no tombstone for a purge whose call lives', async () => {
    const at = await openCopy(lived);
    at.sql('DELETE FROM tombstone_token');
    at.sql('DELETE FROM tombstone');
    at.sql("UPDATE journal SET owner_id = ? WHERE action = 'purge'", at.story.plain);
    await fsck(at.engine, { repair: true });
    expect(await at.engine.store.reads.tombstones.page('', 10)).toEqual([]);
    await at.close();
  });

  it('keeps the tokens that another tenant has under the same owner', async () => {
    const at = await openCopy(lived);
    await createTenant(at.engine, { slug: 'other', region: 'US' });
    at.sql("INSERT INTO token VALUES (2, 1, 1, x'00112233445566778899aabbccddeeff', ?)", at.story.plain);
    const mine = await tokensOf(at, at.story.plain);
    const report = await fsck(at.engine, { repair: true });
    expect(report.repairs.map((repair) => repair.code)).toEqual(['token_orphaned']);
    expect(await tokensOf(at, at.story.plain)).toEqual(mine.filter((token) => token.tenantId === at.story.tenantId));
    await at.close();
  });

  it('leaves every key and every byte alone as long as a row is missing that they may belong to', async () => {
    const at = await openCopy(lived);
    const slot = slotOf(at, at.story.tenantId, 'index-key');
    at.sql("DELETE FROM artifact WHERE kind = 'index-key'");
    at.sql("DELETE FROM artifact WHERE kind = 'token-signing-key'");
    await at.engine.blobs.create('nobodys-bytes', recording());
    const report = await fsck(at.engine, { deep: true, repair: true });
    expect(report).toMatchObject({ clean: false, repairs: [] });
    expect((await at.engine.tree.open(slot)).kind).toBe('live');
    expect(await at.engine.blobs.stat('nobodys-bytes')).not.toBeNull();
    await at.close();
  });

  it('repairs more problems than it lists, and says of the rest that they are repaired too', async () => {
    const at = await openCopy(lived);
    for (let i = 0; i < 250; i += 1) await at.engine.blobs.create(`nobodys-${i}`, recording());
    const report = await fsck(at.engine, { repair: true });
    expect(report).toMatchObject({ clean: true, counts: { blobs: 5 } });
    expect(report.problems).toHaveLength(101);
    expect(report.problems.every((problem) => problem.repaired)).toBe(true);
    expect(report.problems.at(-1)).toEqual({ code: 'blob_unnamed', what: 'and 150 more', repaired: true });
    await at.close();
  });

  it('looks again inside its transaction: what was put right meanwhile stays as it is', async () => {
    const faults = new HookedFaults();
    const at = await openCopy(lived, { faults });
    await at.engine.blobs.create('nobodys-bytes', recording());
    at.sql('DELETE FROM tombstone_token');
    const tokens = await at.engine.store.reads.tombstones.tokensOf([at.story.purged]);
    expect(tokens).toEqual([]);
    const doomed = faults.next('fsck:repaired', async () => {
      // Between the tombstone's repair and that of the bytes, somebody else claims them.
      at.sql("INSERT INTO doomed_blob (blob, owner_id, erasure_id, since) VALUES ('nobodys-bytes', 'nobody', NULL, 1)");
    });
    const report = await fsck(at.engine, { deep: true, repair: true });
    await doomed;
    expect(report.repairs.map((repair) => repair.code)).toEqual(['tombstone_token_missing']);
    expect(await at.engine.blobs.stat('nobodys-bytes')).not.toBeNull();
    await at.close();
  });
});

describe('a repair beside a working server', () => {
  it('takes nothing from it, while uploads, purges and seals go on', async () => {
    const at = await openCopy(lived, {}, { TACET_BACKUP_HORIZON: '0' });
    const kept: string[] = [];
    const lanes = ['a', 'b'].map(async (lane) => {
      for (let i = 0; i < 8; i += 1) {
        const callId = await archiveCall(at.engine, at.caller, `s-${lane}-${i}`, `512 555 2${lane.charCodeAt(0)}${i}`);
        if (i % 2 === 0) await erase(at.engine, at.caller, 'purge', callId);
        else kept.push(callId);
        at.sql('INSERT INTO token VALUES (1, 1, 1, randomblob(16), ?)', `nobody-${lane}-${i}`);
        // No row names it, so a repair may take it away before it is whole.
        await at.engine.blobs.create(`nobodys-${lane}-${i}`, recording()).catch(unlessTaken);
      }
    });
    const state = { isWorking: true };
    const work = Promise.all(lanes).finally(() => {
      state.isWorking = false;
    });
    while (state.isWorking) expectOnlyPlanted(await fsck(at.engine, { deep: true, repair: true }));
    await work;
    await untilQuiet(at.engine);
    expect(await fsck(at.engine, { deep: true, repair: true })).toMatchObject({ clean: true });
    const story = { ...at.story, plain: kept[0] ?? '', other: kept.at(-1) ?? '' };
    expect(await readableOf({ ...at, story })).toHaveLength(4 + 4 + 4 + 1 + 3 + 2 + 4 + 1 + 2 + 1 + 1);
    await at.expectAtRest();
    await at.close();
  });
});

describe('a quick look', () => {
  it('opens no recording, however damaged, and yet tells of each whether it is there', async () => {
    const blobs = new CountingBlobs(lived);
    const at = await openCopy(lived, { blobs });
    const { counts } = await fsck(at.engine);
    expect(counts).toMatchObject({ recordings: 5 });
    expect(blobs.opened).toBe(0);
    await fsck(at.engine, { deep: true });
    expect(blobs.opened).toBe(5);
    await at.close();
  });
});

describe('a deep look', () => {
  it('names every call that has the session id of a purged one, and no other', async () => {
    const at = await openCopy(lived);
    for (const value of ['s-other', 's-plain', 's-of-nobody']) {
      const token = await tombstoneToken(at.engine, at.caller.tenant, { kind: 'session', value });
      at.sql('INSERT INTO tombstone_token VALUES (1, 3, ?, ?)', token, at.story.purged);
    }
    const { problems } = await fsck(at.engine, { deep: true });
    const named = [at.story.plain, at.story.other].map((id) => ({ code: 'session_of_erased', what: `call ${id}` }));
    expect(problems).toEqual(named);
    await at.close();
  });

  it('counts by tenant what there is', async () => {
    const at = await openCopy(lived);
    const { counts } = await fsck(at.engine, { deep: true });
    expect(counts['byTenant']).toEqual({
      [at.story.tenantId]: {
        calls: 7,
        tasks: 1,
        candidates: 2,
        users: 1,
        artifacts: {
          'index-key': 1,
          'tombstone-key': 1,
          recording: 5,
          transcript: 5,
          // One of a call that is still to come, and one of a candidate.
          details: 7,
          correlation: 9,
          'hold-reason': 1,
          task: 1,
          user: 1,
        },
        recordingBytes: at.value<number>('SELECT sum(blob_bytes) FROM artifact'),
        tokens: { session: 6, phone: 16, external: 2 },
        tombstones: 1,
      },
    });
    await at.close();
  });
});

/** The life's own blobs, in which openings are counted. */
class CountingBlobs extends FileBlobs {
  opened = 0;

  constructor(of: Lived) {
    super({ root: `${of.folder}/home/blobs`, faults: noFaults });
  }

  override async open(name: string): Promise<BlobReader | null> {
    this.opened += 1;
    return await super.open(name);
  }
}

function unlessTaken(error: unknown): void {
  if (!hasCode(error, 'blob_failed')) throw error;
}

function expectOnlyPlanted({ problems }: FsckReport): void {
  const others = problems.filter((problem) => !/nobody|and \d+ more/.test(problem.what));
  expect(others).toEqual([]);
}

async function tokensOf(at: OpenArchive, ownerId: string) {
  return await at.engine.store.reads.tokens.ofOwner(ownerId);
}
