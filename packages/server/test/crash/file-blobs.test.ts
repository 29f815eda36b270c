import { linkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobPaths } from '../../src/blobs/file-blob-layout.ts';
import { FileBlobs } from '../../src/blobs/file-blobs.ts';
import { noFaults } from '../../src/lib/faults.ts';
import {
  chunks,
  contentOf,
  expectBlobFailed,
  expectNothing,
  farFuture,
  listed,
  newName,
} from '../support/blob-bytes.ts';
import { filesIn, runBlobChild } from '../support/blob-child.ts';

let root: string;
let store: FileBlobs;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tacet-blobs-'));
  store = new FileBlobs({ root, faults: noFaults });
});

afterEach(() => rm(root, { recursive: true }));

describe('a process killed while it', () => {
  test.each(['blob-create:written', 'blob-create:synced'])(
    'creates, at %s, leaves a listed unfinished blob that can be removed',
    async (point) => {
      const name = newName();
      expect((await runBlobChild(['create', root, name, point])).signal).toBe('SIGKILL');
      expect(await listed(store)).toMatchObject([{ name, sizeBytes: 48 * 64 * 1024, unfinished: true }]);
      expect(await store.open(name)).toBeNull();
      expect(await store.remaining([name])).toEqual(new Set([name]));
      await expectBlobFailed(store.create(name, chunks(Buffer.from('too early'), 9)));
      expect(await store.removeUnfinished(farFuture)).toBe(1);
      await expectNothing(store, name);
      await store.create(name, chunks(Buffer.from('now'), 3));
      expect((await contentOf(store, name)).toString()).toBe('now');
    },
  );

  test('creates, at blob-create:renamed, leaves the whole blob', async () => {
    const name = newName();
    expect((await runBlobChild(['create', root, name, 'blob-create:renamed'])).signal).toBe('SIGKILL');
    expect(await listed(store)).toMatchObject([{ name, sizeBytes: 48 * 64 * 1024, unfinished: false }]);
    expect((await contentOf(store, name)).subarray(-1)).toEqual(Buffer.from([47]));
  });

  test('creates, between its two names, leaves both, and either way of removing them is complete', async () => {
    const [erased, tidied] = [newName(), newName()];
    for (const name of [erased, tidied]) {
      await store.create(name, chunks(Buffer.from('sealed'), 6));
      linkSync(blobPaths(root, name).path, blobPaths(root, name).temporaryPath);
    }
    expect((await listed(store)).map(({ unfinished }) => unfinished).sort()).toEqual([false, false, true, true]);
    expect(await store.erase([erased])).toEqual(new Map([[erased, { kind: 'erased' }]]));
    await expectNothing(store, erased);
    expect(await store.removeUnfinished(farFuture)).toBe(1);
    expect(await listed(store)).toMatchObject([{ name: tidied, unfinished: false }]);
  });

  test('erases, at blob-erase:unlinked, leaves nothing, and a repeat says so', async () => {
    const name = newName();
    await store.create(name, chunks(Buffer.from('sealed'), 6));
    expect((await runBlobChild(['erase', root, name, 'blob-erase:unlinked'])).signal).toBe('SIGKILL');
    await expectNothing(store, name);
    expect(await store.erase([name])).toEqual(new Map([[name, { kind: 'absent' }]]));
  });

  test('creates can be erased by its successor, unfinished as it is', async () => {
    const name = newName();
    await runBlobChild(['create', root, name, 'blob-create:written']);
    expect(await store.erase([name])).toEqual(new Map([[name, { kind: 'erased' }]]));
    await expectNothing(store, name);
    expect(filesIn(root)).toEqual([]);
  });
});
