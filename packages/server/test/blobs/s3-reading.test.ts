import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BlobReader } from '../../src/model/blob-store.ts';
import { Bug, hasCode } from '../../src/model/errors.ts';
import { chunks, digest, gather, MiB, newName, noise, withReader } from '../support/blob-bytes.ts';
import type { SeenRequest } from '../support/s3-fault-proxy.ts';
import { type S3Scene, s3Scene } from '../support/s3-scene.ts';
import { onS3 } from '../support/s3-server.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const bytes = noise(3 * MiB, 1);

const isOverGet = ({ method, isOver }: SeenRequest) => method === 'GET' && isOver;

onS3((server) => {
  describe.each([
    ['a plain bucket', { versioned: false, lock: false }],
    ['a bucket with versions', { versioned: true, lock: true }],
  ])('reading from %s', (_name, kind) => {
    let scene: S3Scene;
    let name: string;
    beforeAll(async () => {
      scene = await s3Scene(server, kind);
      await scene.store.check();
    });
    beforeEach(async () => {
      scene.proxy.heal();
      name = newName();
      await scene.store.create(name, chunks(bytes, MiB));
    });
    afterAll(() => scene.close());

    const gets = { method: 'GET', path: /x-id=GetObject/ } as const;
    const openAnd = (use: (reader: BlobReader) => Promise<void>) => withReader(scene.store, name, use);

    test.each(['cut', 'stall'] as const)('an answer that meets a %s is gone on with where it ended', async (kind) => {
      scene.proxy.inject({ ...gets, times: 2, fault: { kind, afterBytes: MiB } });
      await openAnd(async (reader) => {
        expect(digest(await gather(reader.read(5, 3 * MiB)))).toBe(digest(bytes.subarray(5)));
      });
      const ranges = scene.proxy.seen.flatMap(({ headers }) => headers.range ?? []);
      expect(ranges).toEqual([5, 5 + MiB, 5 + 2 * MiB].map((start) => `bytes=${start}-${3 * MiB - 1}`));
    });

    test.each(['cut', 'stall'] as const)('answers that all meet a %s at once are a failure', async (kind) => {
      scene.proxy.inject({ ...gets, fault: { kind, afterBytes: 0 } });
      await openAnd(async (reader) => {
        await expect(gather(reader.read(0, 100))).rejects.toMatchObject({
          code: 'blob_failed',
          detail: `read ${name}: S3 cut the answer short`,
        });
      });
    });

    test('a reader that takes its time gets every byte, though its connection is given up meanwhile', async () => {
      const long = newName();
      // More than lies in the buffers of a connection.
      const content = noise(24 * MiB, 3);
      await scene.store.create(long, chunks(content, MiB));
      scene.proxy.heal();
      await withReader(scene.store, long, async (reader) => {
        const pieces: Buffer[] = [];
        for await (const piece of reader.read(0, reader.sizeBytes)) {
          if (pieces.length === 0) await until(async () => scene.proxy.seen.some(isOverGet));
          pieces.push(piece);
        }
        expect(digest(Buffer.concat(pieces))).toBe(digest(content));
      });
      expect(scene.proxy.seen.filter(({ method }) => method === 'GET')).toHaveLength(2);
    });

    test('only as much is fetched as is taken', async () => {
      await openAnd(async (reader) => {
        for await (const piece of reader.read(0, reader.sizeBytes)) {
          expect(piece.byteLength).toBeLessThanOrEqual(MiB);
          break;
        }
        expect(digest(await gather(reader.read(MiB, MiB + 10)))).toBe(digest(bytes.subarray(MiB, MiB + 10)));
      });
    });

    test('an object that was replaced meanwhile is never read in its place', async () => {
      await openAnd(async (reader) => {
        const Key = scene.keyOf(name);
        await scene.bucket.s3.putObject({ Bucket: scene.bucket.place.bucket, Key, Body: noise(3 * MiB, 2) });
        const read = gather(reader.read(0, reader.sizeBytes));
        // With versions the one that was opened is still there.
        if (kind.versioned) expect(digest(await read)).toBe(digest(bytes));
        else
          await expect(read).rejects.toMatchObject({
            code: 'damage',
            detail: `read ${name}: not the object that was opened`,
          });
      });
    });

    test('an object that vanished meanwhile is a failure, also in the middle', async () => {
      await openAnd(async (reader) => {
        scene.proxy.inject({ ...gets, times: 1, fault: { kind: 'cut', afterBytes: MiB } });
        const read = Buffer.alloc(3 * MiB);
        let filled = 0;
        const failure = await (async () => {
          for await (const piece of reader.read(0, reader.sizeBytes)) {
            if (filled === 0) await scene.store.erase([name]);
            filled += piece.copy(read, filled);
          }
        })().catch((error: unknown) => error);
        expect(hasCode(failure, 'blob_failed')).toBe(true);
        expect(filled).toBeGreaterThan(0);
        expect(digest(read.subarray(0, filled))).toBe(digest(bytes.subarray(0, filled)));
      });
    });

    test('closing ends a read that is waiting for the store', async () => {
      scene.proxy.inject({ ...gets, fault: { kind: 'stall', afterBytes: 10 } });
      await openAnd(async (reader) => {
        const pieces = reader.read(0, reader.sizeBytes)[Symbol.asyncIterator]();
        expect((await pieces.next()).value).toHaveLength(10);
        const next = expect(pieces.next()).rejects.toBeInstanceOf(Bug);
        await reader.close();
        await next;
      });
    });

    test('a bucket that is not there is no absent blob', async () => {
      const elsewhere = scene.another({ bucket: `${scene.bucket.place.bucket}-not` });
      const refusal = { code: 'blob_failed' };
      await expect(elsewhere.open(name)).rejects.toMatchObject({
        ...refusal,
        detail: `open ${name}: S3 NotFound 404: there is no such bucket`,
      });
      await expect(elsewhere.stat(name)).rejects.toMatchObject(refusal);
      await expect(elsewhere.remaining([name])).rejects.toMatchObject({
        ...refusal,
        detail: 'remaining: S3 NoSuchBucket 404: there is no such bucket',
      });
      expect(await elsewhere.erase([name])).toMatchObject(new Map([[name, { kind: 'failed' }]]));
      await expect(elsewhere.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
      await expect(elsewhere.mark('0190-archive')).rejects.toMatchObject(refusal);
      await expect(elsewhere.check()).rejects.toMatchObject({
        ...refusal,
        detail: 'the bucket cannot be used: S3 NoSuchBucket 404: there is no such bucket',
      });
      expect(await elsewhere.owner()).toBeUndefined();
    });
  });
});
