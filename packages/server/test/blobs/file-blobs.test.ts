import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobPaths } from '../../src/blobs/file-blob-layout.ts';
import { FileBlobs } from '../../src/blobs/file-blobs.ts';
import { type Faults, noFaults } from '../../src/lib/faults.ts';
import { newId } from '../../src/lib/ids.ts';
import { blobStoreContract } from '../contracts/blobs.contract.ts';
import {
  chunks,
  expectBlobFailed,
  expectNothing,
  farFuture,
  gather,
  listed,
  newName,
  noise,
  withReader,
} from '../support/blob-bytes.ts';
import { filesIn, ordinaryUser, runBlobChild } from '../support/blob-child.ts';

blobStoreContract({
  name: 'files',
  open: async () => {
    const root = await mkdtemp(join(tmpdir(), 'tacet-blobs-'));
    return {
      store: new FileBlobs({ root, faults: noFaults }),
      close: () => rm(root, { recursive: true }),
    };
  },
  skips: [],
});

let home: string;
let root: string;
let store: FileBlobs;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tacet-blobs-'));
  root = join(home, 'deep', 'blobs');
  store = new FileBlobs({ root, faults: noFaults });
});

afterEach(() => rm(home, { recursive: true }));

describe('the folder', () => {
  test('files are for their owner alone, and so is every folder made for them', async () => {
    const name = newName();
    await store.check();
    await store.create(name, chunks(Buffer.from('sealed'), 6));
    const { folder, path } = blobPaths(root, name);
    expect(modeOf(path)).toBe(0o600);
    expect([folder, root, dirname(root)].map(modeOf)).toEqual([0o700, 0o700, 0o700]);
  });

  test('a finished create and a finished erase leave no other file', async () => {
    const name = newName();
    await store.check();
    await store.create(name, chunks(Buffer.from('sealed'), 6));
    expect(filesIn(root)).toEqual([blobPaths(root, name).path]);
    await store.erase([name]);
    expect(filesIn(root)).toEqual([]);
  });

  test('a name has its shard for ever', () => {
    const shardOf = (name: string) => blobPaths('/b', name).folder.slice('/b/'.length);
    expect(['0', 'a', '019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071-0', 'z'.repeat(100)].map(shardOf)).toEqual([
      '3e',
      'ed',
      'ec',
      'bc',
    ]);
  });

  test('names of one instant spread over all shards', () => {
    const counts = new Map<string, number>();
    for (let slot = 0; slot < 25_600; slot += 1) {
      const { folder } = blobPaths('/b', `${newId(1_700_000_000_000)}-${slot}`);
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
    expect(counts.size).toBe(256);
    expect(Math.max(...counts.values())).toBeLessThan(170);
  });

  test('what the store did not put there is neither listed nor touched', async () => {
    const name = newName();
    await store.create(name, chunks(Buffer.from('sealed'), 6));
    const { folder } = blobPaths(root, name);
    const strangers = ['README', '.DS_Store', '.stray.tmp', 'UPPER', `..${name}.new`];
    for (const stranger of strangers) await writeFile(join(folder, stranger), 'x');
    mkdirSync(join(root, 'lost+found'));
    expect((await listed(store)).map((blob) => blob.name)).toEqual([name]);
    expect(await store.removeUnfinished(farFuture)).toBe(0);
    expect(readdirSync(folder).sort()).toEqual([...strangers, name].sort());
  });
});

describe('trouble', () => {
  test.each(['blob-create:written', 'blob-create:synced', 'blob-create:renamed'])(
    'at %s leaves nothing of the create',
    async (point) => {
      const name = newName();
      const broken = new FileBlobs({ root, faults: failingAt(point) });
      await expect(broken.create(name, chunks(noise(1000, 1), 100))).rejects.toThrow(point);
      await expectNothing(store, name);
      expect(filesIn(root)).toEqual([]);
    },
  );

  test('a create whose temporary file was taken over by another leaves that other alone', async () => {
    const name = newName();
    const { path, temporaryPath } = blobPaths(root, name);
    const takeOver: Faults = {
      at: async (point) => {
        if (point !== 'blob-create:synced') return;
        await store.erase([name]);
        await writeFile(temporaryPath, 'of another process');
      },
    };
    const overtaken = new FileBlobs({ root, faults: takeOver });
    await expectBlobFailed(overtaken.create(name, chunks(noise(1000, 1), 100)));
    expect(filesIn(root)).toEqual([temporaryPath]);
    expect(statSync(temporaryPath).size).toBe('of another process'.length);
    expect(filesIn(root)).not.toContain(path);
  });

  test('a disk that takes no more fails the create with the errno, without a path, and leaves nothing', async () => {
    const name = newName();
    await store.check();
    const { answer } = await runBlobChild(['create', root, name], { fileSizeKiBMax: 2048 });
    expect(answer).toEqual({
      code: 'blob_failed',
      detail: `create ${name}: write EFBIG`,
      hasCause: false,
    });
    expect(filesIn(root)).toEqual([]);
  });

  test('a name that cannot be erased fails alone, and its error names the id and no path', async () => {
    const [stuck, fine] = [newName(), newName()];
    mkdirSync(blobPaths(root, stuck).path, { recursive: true });
    await store.create(fine, chunks(Buffer.from('sealed'), 6));
    const outcomes = await store.erase([stuck, fine]);
    expect(outcomes.get(fine)).toEqual({ kind: 'erased' });
    const failed = outcomes.get(stuck);
    const error = failed?.kind === 'failed' ? failed.error : undefined;
    expect(error?.code).toBe('blob_failed');
    expect(error?.detail).toMatch(new RegExp(`^erase ${stuck}: unlink (EISDIR|EPERM)$`));
    expect(`${error?.stack}${error?.message}`).not.toContain(root);
    expect(await store.remaining([stuck, fine])).toEqual(new Set([stuck]));
  });

  test('a blob that became shorter while it was read is damage', async () => {
    const name = newName();
    await store.create(name, chunks(noise(1000, 1), 100));
    await withReader(store, name, async (reader) => {
      truncateSync(blobPaths(root, name).path, 999);
      await expect(gather(reader.read(0, 1000))).rejects.toMatchObject({ code: 'damage' });
    });
  });

  test('a link in the place of a blob is not followed', async () => {
    const name = newName();
    const { folder, path } = blobPaths(root, name);
    const secret = join(home, 'secret');
    await writeFile(secret, 'not a blob');
    mkdirSync(folder, { recursive: true });
    symlinkSync(secret, path);
    await expectBlobFailed(store.open(name));
    await expectBlobFailed(store.stat(name));
    await expectBlobFailed(store.create(name, chunks(Buffer.from('x'), 1)));
    expect(await listed(store)).toEqual([]);
    expect(await store.erase([name])).toEqual(new Map([[name, { kind: 'erased' }]]));
    expect(statSync(secret).size).toBe('not a blob'.length);
  });
});

describe('check', () => {
  test('makes the folder and its parents', async () => {
    await store.check();
    expect(statSync(root).isDirectory()).toBe(true);
    expect(await readdir(root)).toEqual([]);
  });

  test('refuses a file in the place of the folder', async () => {
    mkdirSync(dirname(root));
    await writeFile(root, '');
    await expect(store.check()).rejects.toMatchObject({
      code: 'blob_failed',
      detail: 'the blob folder cannot be used: open ENOTDIR',
    });
  });

  test('refuses a shard that leads elsewhere', async () => {
    mkdirSync(root, { recursive: true });
    symlinkSync(home, join(root, '7f'));
    await expect(store.check()).rejects.toMatchObject({
      code: 'blob_failed',
      detail: 'the blob folder cannot be used: a shard is not a folder',
    });
  });

  test.each([
    ['the root', 'open EACCES', ''],
    ['a shard', 'access EACCES', '7f'],
  ])('refuses %s that is not writable', async (_which, reason, folder) => {
    mkdirSync(join(root, '7f'), { recursive: true });
    const ours = [home, dirname(root), root, join(root, '7f')];
    for (const each of ours) chownSync(each, ...ordinaryUser());
    expect((await runBlobChild(['check', root])).answer).toEqual({});
    chmodSync(join(root, folder), 0o500);
    const { answer } = await runBlobChild(['check', root]);
    chmodSync(join(root, folder), 0o700);
    expect(answer).toMatchObject({ code: 'blob_failed', detail: `the blob folder cannot be used: ${reason}` });
  });
});

describe('the marker', () => {
  test('is one file beside the shards, for its owner alone', async () => {
    await store.mark('0190-archive');
    expect(filesIn(root)).toEqual([join(root, 'archive')]);
    expect(readFileSync(join(root, 'archive'), 'utf8')).toBe('{"format":1,"archiveId":"0190-archive"}\n');
    expect([root, join(root, 'archive')].map(modeOf)).toEqual([0o700, 0o600]);
  });

  test('is seen by the next process, also where one that died had begun to make it', async () => {
    mkdirSync(root, { recursive: true });
    await writeFile(join(root, '.archive-of-the-dead.new'), '{"format":1,');
    await store.mark('0190-archive');
    expect(await new FileBlobs({ root, faults: noFaults }).owner()).toBe('0190-archive');
  });

  test('is not there where there is no folder, and asking makes none', async () => {
    expect(await store.owner()).toBeUndefined();
    expect(existsSync(root)).toBe(false);
  });

  test.each(['', '{', 'null', '"0190"', '{"format":1}', '{"archiveId":7}', '{"archiveId":""}'])(
    'that says %j is damage, and is not replaced',
    async (text) => {
      mkdirSync(root, { recursive: true });
      await writeFile(join(root, 'archive'), text);
      await expect(store.owner()).rejects.toMatchObject({ code: 'damage' });
      await expect(store.mark('0190-archive')).rejects.toMatchObject({ code: 'damage' });
      expect(readFileSync(join(root, 'archive'), 'utf8')).toBe(text);
    },
  );

  test('cannot be made in a file, which is told without its path', async () => {
    mkdirSync(dirname(root));
    await writeFile(root, '');
    const refusal = { code: 'blob_failed', detail: 'the blob folder cannot be used: open ENOTDIR' };
    await expect(store.owner()).rejects.toMatchObject(refusal);
    await expect(store.mark('0190-archive')).rejects.toMatchObject(refusal);
  });

  test('of a folder that went meanwhile is neither read nor made anew', async () => {
    await store.mark('0190-archive');
    renameSync(root, `${root}-aside`);
    await expect(store.owner()).rejects.toMatchObject({ code: 'blob_failed' });
    mkdirSync(root);
    await expect(store.mark('0190-archive')).rejects.toMatchObject({ code: 'blob_failed' });
    expect(filesIn(root)).toEqual([]);
  });
});

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

function failingAt(fatalPoint: string): Faults {
  return {
    at: (point) => {
      if (point === fatalPoint) throw new Error(`fault at ${point}`);
    },
  };
}
