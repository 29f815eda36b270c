import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { partBytes } from '../../src/blobs/s3-parts.ts';
import { AppError } from '../../src/model/errors.ts';
import {
  chunks,
  contentOf,
  digest,
  expectBlobFailed,
  failing,
  farFuture,
  MiB,
  newName,
  noise,
  stallingAfter,
} from '../support/blob-bytes.ts';
import type { S3Rule } from '../support/s3-fault-proxy.ts';
import { nothing, oneVersion, type S3Scene, s3Scene } from '../support/s3-scene.ts';
import { onS3 } from '../support/s3-server.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 120_000 });

const small = Buffer.from('sealed');
const large = noise(partBytes + MiB, 1);
const bodies = [
  ['a small body', small],
  ['a body in parts', large],
] as const;

onS3((server) => {
  describe.each([
    ['a plain bucket', { versioned: false, lock: false }],
    ['a bucket with versions', { versioned: true, lock: true }],
  ])('creating in %s', (_name, kind) => {
    let scene: S3Scene;
    beforeAll(async () => {
      scene = await s3Scene(server, kind);
      await scene.store.check();
    });
    beforeEach(() => scene.proxy.heal());
    afterAll(() => scene.close());

    test('a small body costs one write, and nothing of it is left but the object', async () => {
      const name = newName();
      await scene.store.create(name, chunks(small, 2));
      expect(scene.proxy.seen.filter(({ method }) => method !== 'GET')).toHaveLength(1);
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });

    test.each([0, 1, partBytes - 1, partBytes, partBytes + 1, 2 * partBytes])(
      'a body of %i bytes comes back whole, as one object',
      async (length) => {
        const name = newName();
        const bytes = noise(length, length);
        expect(await scene.store.create(name, chunks(bytes, 77_777))).toEqual({ sizeBytes: length });
        expect(digest(await contentOf(scene.store, name))).toBe(digest(bytes));
        expect(await scene.leftOf(name)).toEqual(oneVersion);
      },
    );

    test('a source that fails leaves no upload behind', async () => {
      const name = newName();
      const cut = new AppError('upload_cut');
      await expect(scene.store.create(name, failing(partBytes + MiB, cut))).rejects.toBe(cut);
      expect(scene.proxy.seen.some(({ path }) => path.includes('uploadId='))).toBe(true);
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test('an abort while a part is being sent leaves no upload behind', async () => {
      const name = newName();
      const abort = new AbortController();
      const reason = new AppError('upload_cut');
      const never = new Promise(() => undefined);
      const sent = scene.proxy.inject({ path: /partNumber=1/, fault: { kind: 'hold', until: never } });
      const created = scene.store.create(name, chunks(large, MiB), { signal: abort.signal });
      const failed = expect(created).rejects.toBe(reason);
      await until(async () => sent.wasMet());
      abort.abort(reason);
      await failed;
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test.each(bodies)('an abort while %s is being committed is heard, and leaves nothing', async (_body, bytes) => {
      const name = newName();
      const abort = new AbortController();
      const reason = new AppError('upload_cut');
      const { held, release } = holding();
      const commit = scene.proxy.inject({ ...commitOf(bytes), times: 1, fault: { kind: 'hold', until: held } });
      const created = scene.store.create(name, chunks(bytes, MiB), { signal: abort.signal });
      const failed = expect(created).rejects.toBe(reason);
      await until(async () => commit.wasMet());
      abort.abort(reason);
      release();
      await failed;
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test('a store that refuses a part fails the create and leaves no upload behind', async () => {
      const name = newName();
      const fault = { kind: 'answer', status: 500, code: 'InternalError' } as const;
      scene.proxy.inject({ path: /partNumber=2/, fault });
      await expect(scene.store.create(name, chunks(large, MiB))).rejects.toMatchObject({
        code: 'blob_failed',
        detail: `create ${name}: S3 InternalError 500`,
      });
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test.each(bodies)('%s whose answer is lost is created once', async (_body, bytes) => {
      const name = newName();
      scene.proxy.inject({ ...commitOf(bytes), times: 1, fault: { kind: 'lose' } });
      await scene.store.create(name, chunks(bytes, MiB));
      expect(digest(await contentOf(scene.store, name))).toBe(digest(bytes));
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });

    test('an upload whose beginning was lost is not left beside the one that took its place', async () => {
      const name = newName();
      scene.proxy.inject({ method: 'POST', path: /\?uploads/, times: 1, fault: { kind: 'lose' } });
      await scene.store.create(name, chunks(large, MiB));
      expect(digest(await contentOf(scene.store, name))).toBe(digest(large));
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });

    test('uploads of which every beginning was lost are not left', async () => {
      const name = newName();
      scene.proxy.inject({ method: 'POST', path: /\?uploads/, fault: { kind: 'lose' } });
      await expectBlobFailed(scene.store.create(name, chunks(large, MiB)));
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test.each(bodies)('%s is created where every answer to its commit is lost', async (_body, bytes) => {
      const name = newName();
      scene.proxy.inject({ ...commitOf(bytes), fault: { kind: 'lose' } });
      await scene.store.create(name, chunks(bytes, MiB));
      expect(digest(await contentOf(scene.store, name))).toBe(digest(bytes));
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });

    test.each(bodies)('of two processes that create %s under one name at most one succeeds', async (_body, bytes) => {
      const [one, other] = [scene.store, scene.another()];
      await other.check();
      for (let round = 0; round < 5; round += 1) {
        const name = newName();
        const mine = noise(bytes.byteLength, round);
        const theirs = noise(bytes.byteLength, round + 100);
        const [made, alsoMade] = await Promise.allSettled([
          one.create(name, chunks(mine, MiB)),
          other.create(name, chunks(theirs, MiB)),
        ]);
        const winners = [
          ...(made.status === 'fulfilled' ? [mine] : []),
          ...(alsoMade.status === 'fulfilled' ? [theirs] : []),
        ];
        expect(winners.length).toBeLessThanOrEqual(1);
        const [winner] = winners;
        if (winner === undefined) expect(await scene.leftOf(name)).toEqual(nothing);
        else expect(digest(await contentOf(one, name))).toBe(digest(winner));
      }
    });

    test.each(bodies)('another process that creates %s where the name is taken is refused', async (_body, bytes) => {
      const name = newName();
      await scene.store.create(name, chunks(small, 6));
      await expect(scene.another().create(name, chunks(bytes, MiB))).rejects.toMatchObject({
        code: 'blob_failed',
        detail: `create ${name}: the name is taken`,
      });
      expect((await contentOf(scene.store, name)).toString()).toBe('sealed');
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });

    test('an erase overtakes a create that is nowhere in the store yet', async () => {
      const name = newName();
      const stalled = stallingAfter(small);
      const created = scene.store.create(name, stalled.source);
      const failed = expectBlobFailed(created);
      await stalled.isStalled;
      expect(await scene.store.erase([name])).toEqual(new Map([[name, { kind: 'absent' }]]));
      stalled.resume();
      await failed;
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test.each(bodies)('an erase that meets the commit of %s wins', async (_body, bytes) => {
      const name = newName();
      const { held, release } = holding();
      const commit = scene.proxy.inject({ ...commitOf(bytes), times: 1, fault: { kind: 'hold', until: held } });
      const created = scene.store.create(name, chunks(bytes, MiB));
      const failed = expectBlobFailed(created);
      await until(async () => commit.wasMet());
      const erased = scene.store.erase([name]);
      release();
      expect(await erased).toEqual(new Map([[name, { kind: 'erased' }]]));
      await failed;
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test('an upload that another process has removed cannot be finished', async () => {
      const name = newName();
      const stalled = stallingAfter(large);
      const created = scene.store.create(name, stalled.source);
      const failed = expectBlobFailed(created);
      await stalled.isStalled;
      expect(await scene.another().removeUnfinished(farFuture)).toBe(1);
      stalled.resume();
      await failed;
      expect(await scene.leftOf(name)).toEqual(nothing);
    });

    test('a name whose unfinished upload was removed can be created at once, whatever became of the first', async () => {
      const name = newName();
      const stalled = stallingAfter(large);
      const failed = expectBlobFailed(scene.store.create(name, stalled.source));
      await stalled.isStalled;
      expect(await scene.store.removeUnfinished(farFuture)).toBe(1);
      await scene.store.create(name, chunks(small, 6));
      stalled.resume();
      await failed;
      expect((await contentOf(scene.store, name)).toString()).toBe('sealed');
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });
  });

  test('memory stays the same however long the body is', async () => {
    const scene = await s3Scene(server, { versioned: false, lock: false });
    try {
      await scene.store.check();
      const before = memory();
      let most = 0;
      const chunk = noise(64 * 1024, 1);
      async function* source() {
        for (let sent = 0; sent < 200 * MiB; sent += chunk.byteLength) {
          if (sent % MiB === 0) most = Math.max(most, memory());
          yield chunk;
        }
      }
      expect(await scene.store.create(newName(), source())).toEqual({ sizeBytes: 200 * MiB });
      expect((most - before) / MiB).toBeLessThan(64);
    } finally {
      await scene.close();
    }
  });
});

/** The one request that makes the object of these bytes. */
function commitOf(bytes: Buffer): Pick<S3Rule, 'method' | 'path'> {
  return bytes === small ? { method: 'PUT' } : { method: 'POST', path: /uploadId=/ };
}

function holding(): { held: Promise<void>; release: () => void } {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { held, release: () => release() };
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
