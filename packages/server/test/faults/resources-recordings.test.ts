/** A recordings folder that is not the one, or not there, when a process starts. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { silentLog } from '../../src/lib/log.ts';
import { cast } from '../crash/life.ts';
import { purgeAll, Stage } from '../restore/stage.ts';
import { tacet } from '../restore/tacet.ts';
import { startTacet } from '../support/tacet-process.ts';

const { kept, keptChat, purged } = cast;
const processMsMax = 60_000;

let stage: Stage;
let folder: string;
let marker: string;
let aside: string;

beforeEach(() => {
  stage = new Stage();
  folder = join(stage.config.home, 'blobs');
  marker = join(folder, 'archive');
  aside = join(stage.folder, 'aside');
});

afterEach(() => stage.end());

async function open(): Promise<void> {
  await (await openApp(stage.config, { clock: stage.clock, log: silentLog })).close();
}

/** Nothing opens, and nothing is made that a disk could not be mounted over. */
async function expectNotThere(): Promise<void> {
  const before = existsSync(folder) ? readdirSync(folder) : undefined;
  await expect(open()).rejects.toMatchObject({
    code: 'blob_failed',
    message: expect.stringContaining('mount it, or run `tacet restore` to go on without the recordings'),
  });
  expect(existsSync(folder) ? readdirSync(folder) : undefined).toEqual(before);
}

/** The ways in which a disk that is not mounted shows itself. */
const unmounted: readonly (readonly [how: string, leave: () => void])[] = [
  ['is not there', () => undefined],
  ['is an empty mount point', () => mkdirSync(folder, { mode: 0o700 })],
];

describe.each(unmounted)('a recordings folder that %s', (_, leave) => {
  test('lets no process start, so that no purge takes its bytes for gone', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, purged));
    renameSync(folder, aside);
    leave();
    await expectNotThere();

    rmSync(folder, { recursive: true, force: true });
    renameSync(aside, folder);
    await stage.process(async (at) => await purgeAll(at, { by: 'sessions', ids: [purged.session] }));
    await stage.expectStandings([
      [kept, 'whole'],
      [purged, 'gone'],
    ]);
    await stage.expectSound();
  });

  test('lets none start either where all that rows name is to be removed', async () => {
    await stage.process(async (at) => await stage.archive(at, purged));
    // Its keys are destroyed; its bytes are left to the next process.
    const app = await openApp(stage.config, { clock: stage.clock, log: silentLog });
    await app.prepare();
    const blob = (await app.engine.store.reads.artifacts.find(stage.idOf(purged), 'recording'))?.blob ?? '';
    const doomed = { blob, ownerId: stage.idOf(purged), erasureId: null, since: 1 };
    await app.engine.store.write(async (tx) => {
      await tx.artifacts.deleteOfOwner(doomed.ownerId);
      await tx.doomed.insert([doomed]);
    });
    await app.close();
    renameSync(folder, aside);
    leave();
    await expectNotThere();
  });

  test('is refused by every command in the same words, and a look at the archive is not damage', {
    timeout: processMsMax,
  }, async () => {
    await stage.process(async (at) => await stage.archive(at, kept));
    renameSync(folder, aside);
    leave();
    expect(await endOf('keys', 'status')).toMatchObject({ code: 1 });
    expect(await endOf('fsck')).toMatchObject({ code: 2 });
    const { errors } = await endOf('fsck', '--repair');
    expect(errors).toContain('tacet: The recordings folder is not there or empty');
  });

  test('is made by a restore, which tells what is missing; from then on it is the one', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, keptChat));
    renameSync(folder, aside);
    leave();
    const report = await stage.restore();
    expect(report.callsWithoutBytes).toEqual([stage.idOf(kept)]);
    await open();
    // The disk that turns up again after all bears the same mark.
    rmSync(folder, { recursive: true });
    renameSync(aside, folder);
    await stage.expectStandings([
      [kept, 'whole'],
      [keptChat, 'whole'],
    ]);
  });

  test('keeps no restore from carrying over what the present database has not sealed', {
    timeout: processMsMax,
  }, async () => {
    await stage.process(async (at) => await stage.archive(at, kept, purged));
    const backup = join(stage.folder, 'backup');
    await tacet(stage, ['backup', backup]);
    await stage.process(async (at) => await purgeAll(at, { by: 'sessions', ids: [purged.session] }));
    renameSync(folder, aside);
    leave();
    expect(await tacet(stage, ['restore', '--from', backup])).toMatchObject({
      replaced: { unsealed: 'carried over', reason: null },
      callsWithoutBytes: [stage.idOf(kept)],
    });
    await open();
  });
});

describe('a recordings folder without a marker', () => {
  test('is marked where the archive is new', async () => {
    await open();
    const app = await openApp(stage.config, { clock: stage.clock, log: silentLog });
    const archiveId = (await app.engine.store.reads.keys.readTop())?.archiveId;
    await app.close();
    expect(JSON.parse(readFileSync(marker, 'utf8'))).toMatchObject({ archiveId });
  });

  test('is marked where nothing that was archived has a recording', async () => {
    await stage.process(async (at) => await stage.archive(at, keptChat));
    rmSync(folder, { recursive: true });
    await open();
    expect(existsSync(marker)).toBe(true);
  });

  test('is marked where one recording of many is in it: it is from before there were markers', async () => {
    await stage.process(async (at) => await stage.archive(at, kept, purged));
    const [gone] = readdirSync(folder).filter((name) => name !== 'archive');
    rmSync(join(folder, gone ?? ''), { recursive: true });
    rmSync(marker);
    await open();
    expect(existsSync(marker)).toBe(true);
  });

  test('is refused where what is in it is of somebody else', async () => {
    await stage.process(async (at) => await stage.archive(at, kept));
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    const other = new Stage();
    await other.process(async (at) => await other.archive(at, kept));
    cpSync(join(other.config.home, 'blobs'), folder, { recursive: true });
    other.end();
    rmSync(marker);
    await expectNotThere();
  });
});

test('the recordings folder of another archive is refused, by a restore too, and nothing in it is touched', async () => {
  const other = new Stage();
  await stage.process(async (at) => await stage.archive(at, kept));
  await other.process(async (at) => await other.archive(at, kept));
  rmSync(folder, { recursive: true });
  cpSync(join(other.config.home, 'blobs'), folder, { recursive: true });
  other.end();
  const before = stage.digests();
  await expect(open()).rejects.toMatchObject({ code: 'archive_mismatch' });
  await expect(stage.restore()).rejects.toMatchObject({ code: 'archive_mismatch' });
  const blobs = ([file]: [string, string]) => file.startsWith(folder);
  expect([...stage.digests()].filter(blobs)).toEqual([...before].filter(blobs));
});

async function endOf(...args: string[]) {
  return await startTacet(args, stage.env).ended;
}
