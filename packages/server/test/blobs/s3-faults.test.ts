import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../src/model/errors.ts';
import { chunks, contentOf, digest, listed, MiB, newName, noise } from '../support/blob-bytes.ts';
import type { S3Fault } from '../support/s3-fault-proxy.ts';
import { oneVersion, type S3Scene, s3Scene } from '../support/s3-scene.ts';
import { onS3 } from '../support/s3-server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const bytes = noise(MiB, 1);

onS3((server) => {
  let scene: S3Scene;

  describe.each([
    ['a plain bucket', { versioned: false, lock: false }],
    ['a bucket with versions', { versioned: true, lock: false }],
  ])('a store that is not well, %s', (_name, kind) => {
    beforeAll(async () => {
      scene = await s3Scene(server, kind);
      await scene.store.check();
    });
    beforeEach(() => scene.proxy.heal());
    afterAll(() => scene.close());

    /** A whole life of one blob, each kind of request met once by the fault. */
    const liveThrough = async (fault: S3Fault) => {
      const name = newName();
      const meet = (method: string, path: RegExp) => scene.proxy.inject({ method, path, times: 1, fault });
      meet('PUT', /^/);
      expect(await scene.store.create(name, chunks(bytes, 100_000))).toEqual({ sizeBytes: MiB });
      expect(await scene.leftOf(name)).toEqual(oneVersion);
      meet('HEAD', /^/);
      meet('GET', /x-id=GetObject/);
      expect(digest(await contentOf(scene.store, name))).toBe(digest(bytes));
      meet('GET', /\?uploads/);
      meet('GET', /\?versions/);
      expect(await scene.store.remaining([name])).toEqual(new Set([name]));
      scene.proxy.heal();
      meet('GET', /\?uploads/);
      meet('GET', /\?versions/);
      expect((await listed(scene.store)).map((blob) => blob.name)).toEqual([name]);
      meet('POST', /\?delete/);
      const [outcome] = (await scene.store.erase([name])).values();
      expect(await scene.store.remaining([name])).toEqual(new Set());
      return outcome;
    };

    test.each<[string, S3Fault]>([
      ['is met by 500', { kind: 'answer', status: 500, code: 'InternalError' }],
      ['is told to slow down', { kind: 'answer', status: 503, code: 'SlowDown' }],
      ['waits', { kind: 'delay', ms: 300 }],
      ['loses an answer', { kind: 'lose' }],
      ['loses the end of an answer', { kind: 'cut', afterBytes: 20 }],
      ['waits in vain for the end of an answer', { kind: 'stall', afterBytes: 20 }],
    ])('whoever %s once goes on as if nothing had been', async (_what, fault) => {
      expect(await liveThrough(fault)).toEqual({ kind: 'erased' });
    });

    test('a delete that failed for good is done again later, and nothing is thought gone before', async () => {
      const names = Array.from({ length: 5 }, newName);
      for (const name of names) await scene.store.create(name, chunks(Buffer.from('x'), 1));
      const refusal = scene.proxy.inject({
        path: /\?delete/,
        fault: { kind: 'answer', status: 503, code: 'SlowDown' },
      });
      const outcomes = await scene.store.erase(names);
      expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(names.map(() => 'failed'));
      expect(await scene.store.remaining(names)).toEqual(new Set(names));
      refusal.remove();
      expect(await scene.store.erase(names)).toEqual(new Map(names.map((name) => [name, { kind: 'erased' }])));
    });

    test('a delete whose answer was lost has been done', async () => {
      const name = newName();
      await scene.store.create(name, chunks(Buffer.from('x'), 1));
      scene.proxy.inject({ path: /\?delete/, fault: { kind: 'lose' } });
      const [outcome] = (await scene.store.erase([name])).values();
      expect(outcome?.kind).toBe('failed');
      scene.proxy.heal();
      expect(await scene.store.erase([name])).toEqual(new Map([[name, { kind: 'absent' }]]));
    });
  });

  // Whether there are versions changes nothing about a request that never succeeds.
  describe('a store that is not well for good', () => {
    beforeAll(async () => {
      scene = await s3Scene(server, { versioned: true, lock: false });
    });
    beforeEach(() => scene.proxy.heal());
    afterAll(() => scene.close());

    test.each<[string, S3Fault, string]>([
      ['500', { kind: 'answer', status: 500, code: 'InternalError' }, 'S3( InternalError)? 500'],
      ['503', { kind: 'answer', status: 503, code: 'SlowDown' }, 'S3( SlowDown)? 503'],
      ['a cut connection', { kind: 'lose' }, 'S3 ECONNRESET'],
      ['silence', { kind: 'hold', until: new Promise(() => undefined) }, 'S3 TimeoutError'],
      [
        'an answer that is no word',
        { kind: 'answer', status: 500, code: 'a b/c?X-Amz-Signature=1' },
        'S3( Error)? 500',
      ],
    ])('%s for good fails everything, with no more than that', async (_what, fault, said) => {
      const name = newName();
      await scene.store.create(name, chunks(bytes, 100_000));
      const broken = scene.proxy.inject({ fault });
      const failures = await Promise.all(
        [
          scene.store.create(newName(), chunks(bytes, 100_000)),
          scene.store.stat(name),
          scene.store.remaining([name]),
          scene.store.list()[Symbol.asyncIterator]().next(),
          scene.store.removeUnfinished(new Date()),
          scene.store.owner(),
        ].map((work) => work.then(String, (error: unknown) => error)),
      );
      const [outcome] = (await scene.store.erase([name])).values();
      failures.push(outcome?.kind === 'failed' ? outcome.error : outcome);
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(AppError);
        expect(failure).toMatchObject({ code: 'blob_failed', retry: 'later' });
        expect(failure).toHaveProperty('detail', expect.stringMatching(new RegExp(`: ${said}$`)));
        expect(failure).not.toHaveProperty('cause');
        const told = JSON.stringify(failure) + (failure instanceof Error ? `${failure.stack}${failure.message}` : '');
        for (const secret of [server.accessKey, server.secretKey, 'Signature', scene.proxy.endpoint, 'AWS4']) {
          expect(told).not.toContain(secret);
        }
      }
      broken.remove();
      expect(await scene.store.erase([name])).toEqual(new Map([[name, { kind: 'erased' }]]));
    });

    test('a store that nobody answers for is a failure within the limits', async () => {
      const closed = await unusedPort();
      const nobody = scene.another({ endpoint: `http://127.0.0.1:${closed}` });
      await expect(nobody.check()).rejects.toMatchObject({
        code: 'blob_failed',
        detail: 'the bucket cannot be used: S3 ECONNREFUSED',
      });
    });
  });

  describe('the mark', () => {
    beforeAll(async () => {
      scene = await s3Scene(server, { versioned: true, lock: false });
    });
    beforeEach(() => scene.proxy.heal());
    afterAll(() => scene.close());
    const atPrefix = (prefix: string) => [scene.another({ prefix }), scene.another({ prefix })] as const;

    test('is one object beside the blobs', async () => {
      await scene.store.mark('0190-archive');
      const { s3, place } = scene.bucket;
      const { Body } = await s3.getObject({ Bucket: place.bucket, Key: 'tacet/.archive' });
      expect(await Body?.transformToString()).toBe('{"format":1,"archiveId":"0190-archive"}\n');
    });

    test.each(['', '{', 'null', '"0190"', '{"format":1}', '{"archiveId":7}', '{"archiveId":""}'])(
      'that says %j is damage, and is not replaced',
      async (text) => {
        const prefix = `damaged-${Buffer.from(text).toString('hex')}/`;
        const [store] = atPrefix(prefix);
        const where = { Bucket: scene.bucket.place.bucket, Key: `${prefix}.archive` };
        await scene.bucket.s3.putObject({ ...where, Body: text, ContentLength: text.length });
        await expect(store.owner()).rejects.toMatchObject({ code: 'damage' });
        await expect(store.mark('0190-archive')).rejects.toMatchObject({ code: 'damage' });
        expect(await (await scene.bucket.s3.getObject(where)).Body?.transformToString()).toBe(text);
      },
    );

    test('of one archive is made by its processes at the same time', async () => {
      const [one, other] = atPrefix('same/');
      await Promise.all([one.mark('0190-archive'), other.mark('0190-archive')]);
      expect(await one.owner()).toBe('0190-archive');
      await one.check();
    });

    test('is never given to two archives, whichever processes want it at the same time', async () => {
      for (let round = 0; round < 5; round += 1) {
        const [one, other] = atPrefix(`both-${round}/`);
        await Promise.all([one.check(), other.check()]);
        const marks = await Promise.allSettled([one.mark('0190-one'), other.mark('0190-other')]);
        const owner = await one.owner();
        const told = marks.map(({ status }, index) =>
          status === 'fulfilled' ? ['0190-one', '0190-other'][index] : '',
        );
        expect(told.filter((id) => id !== '')).toEqual(owner === undefined ? [] : [owner]);
      }
    });
  });
});

async function unusedPort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
