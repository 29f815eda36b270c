import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { chunks, contentOf, expectBlobFailed, newName, noise } from '../support/blob-bytes.ts';
import { nothing, oneVersion, type S3Scene, s3Scene } from '../support/s3-scene.ts';
import { onS3 } from '../support/s3-server.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const denied = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;

onS3((server) => {
  let scene: S3Scene;
  const open = (kind: { versioned: boolean; lock: boolean }) => {
    beforeAll(async () => {
      scene = await s3Scene(server, kind);
    });
    beforeEach(() => scene.proxy.heal());
    afterAll(() => scene.close());
  };

  /** All that is in the bucket. */
  const everything = async () => {
    const where = { Bucket: scene.bucket.place.bucket };
    const { Versions = [], DeleteMarkers = [] } = await scene.bucket.s3.listObjectVersions(where);
    const { Uploads = [] } = await scene.bucket.s3.listMultipartUploads(where);
    return [...Versions, ...DeleteMarkers, ...Uploads].map(({ Key }) => Key);
  };

  describe.each([
    ['a plain bucket', { versioned: false, lock: false }],
    ['a bucket with versions', { versioned: true, lock: false }],
    ['a bucket with versions and object lock', { versioned: true, lock: true }],
  ])('check of %s', (_name, kind) => {
    open(kind);

    test('takes few requests, sends nothing twice, and leaves nothing', async () => {
      await scene.store.check();
      expect(scene.proxy.seen.length).toBeLessThan(20);
      const attempts = scene.proxy.seen.map(({ headers }) => headers['amz-sdk-request']);
      expect(new Set(attempts)).toEqual(new Set(['attempt=1; max=2']));
      expect(await everything()).toEqual([]);
    });

    test('is at peace with several processes that do it at the same time', async () => {
      await Promise.all(Array.from({ length: 4 }, () => scene.another().check()));
      expect(await everything()).toEqual([]);
    });
  });

  describe('check', () => {
    open({ versioned: true, lock: true });

    // As a policy of the bucket forbids them. What is written by then stays, since it may not be deleted either.
    test.each([
      's3:PutObject',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:ListBucketVersions',
      's3:ListBucketMultipartUploads',
      's3:AbortMultipartUpload',
      's3:GetBucketVersioning',
      's3:GetBucketObjectLockConfiguration',
      's3:GetObjectRetention',
      's3:GetObjectLegalHold',
    ])('names %s where that is not allowed', async (Action) => {
      const { s3, place } = scene.bucket;
      const Resource = [`arn:aws:s3:::${place.bucket}`, `arn:aws:s3:::${place.bucket}/*`];
      const Statement = [{ Effect: 'Deny', Principal: { AWS: ['*'] }, Action, Resource }];
      await s3.putBucketPolicy({ Bucket: place.bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
      try {
        await expect(scene.store.check()).rejects.toMatchObject({
          code: 'blob_failed',
          detail: expect.stringMatching(new RegExp(`^the bucket cannot be used: .*needs ${Action}$`)),
        });
      } finally {
        await s3.deleteBucketPolicy({ Bucket: place.bucket });
      }
    });

    // Ceph 16 allows these whatever the policy says.
    test.each([
      ['s3:ListBucket', { method: 'HEAD', path: /check-[^?]*$/ }],
      ['s3:ListMultipartUploadParts', { method: 'GET', path: /uploadId=/ }],
    ])('names %s where that is refused', async (permission, rule) => {
      scene.proxy.inject({ ...rule, fault: denied });
      const failure: unknown = await scene.store.check().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'blob_failed' });
      expect(failure).toHaveProperty('detail', expect.stringContaining(`needs ${permission}`));
    });

    test.each([
      [
        'that is not known',
        '<VersioningConfiguration><Status>Perhaps</Status></VersioningConfiguration>',
        'versioning state',
      ],
      [
        'that asks for a code with each delete',
        '<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>',
        'MFA delete',
      ],
    ])('refuses versioning %s', async (_which, body, reason) => {
      const fault = { kind: 'answer', status: 200, code: '', body } as const;
      scene.proxy.inject({ method: 'GET', path: /\?versioning/, fault });
      const failure: unknown = await scene.store.check().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'blob_failed', detail: expect.stringContaining(reason) });
    });

    test('refuses a versioning state that the store does not tell', async () => {
      const fault = { kind: 'answer', status: 501, code: 'NotImplemented' } as const;
      scene.proxy.inject({ method: 'GET', path: /\?versioning/, fault });
      await expect(scene.store.check()).rejects.toMatchObject({
        detail: 'the bucket cannot be used: S3 NotImplemented 501',
      });
    });

    test('names wrong credentials as such', async () => {
      scene.proxy.inject({ fault: { kind: 'answer', status: 403, code: 'InvalidAccessKeyId' } });
      await expect(scene.store.check()).rejects.toMatchObject({
        detail: 'the bucket cannot be used: S3 InvalidAccessKeyId 403',
      });
    });

    test('that failed does not keep a later one from passing', async () => {
      const refusal = scene.proxy.inject({ method: 'GET', path: /\?versioning/, fault: denied });
      const store = scene.another();
      await expectBlobFailed(store.check());
      await expectBlobFailed(store.create(newName(), chunks(Buffer.from('x'), 1)));
      refusal.remove();
      await store.create(newName(), chunks(Buffer.from('x'), 1));
    });
  });

  describe('check of a bucket that locks by default', () => {
    open({ versioned: true, lock: true });
    beforeAll(async () => {
      await scene.bucket.s3.putObjectLockConfiguration({
        Bucket: scene.bucket.place.bucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
        },
      });
    });

    test('writes no probe, which would be locked like a recording', async () => {
      await scene.store.check();
      expect(await everything()).toEqual([]);
      const written = scene.proxy.seen.filter(({ method }) => method === 'PUT');
      expect(written).toEqual([]);
    });

    test('names what is not allowed all the same', async () => {
      scene.proxy.inject({ method: 'POST', path: /\?uploads/, fault: denied });
      await expect(scene.store.check()).rejects.toMatchObject({
        detail: 'the bucket cannot be used: S3 AccessDenied 403: needs s3:PutObject',
      });
    });

    test('what is created there is whole, create-only, and locked for a day', async () => {
      const name = newName();
      await scene.store.create(name, chunks(Buffer.from('sealed'), 6));
      await expectBlobFailed(scene.store.create(name, chunks(Buffer.from('other'), 5)));
      const [outcome] = (await scene.store.erase([name])).values();
      const until = outcome?.kind === 'locked' ? outcome.until?.getTime() : undefined;
      expect((until ?? 0) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    });
  });

  describe('conditions', () => {
    open({ versioned: false, lock: false });
    const put = { method: 'PUT', header: 'if-none-match' } as const;
    const complete = { method: 'POST', header: 'if-none-match' } as const;

    test('a store that knows none, in a bucket without versions, is refused', async () => {
      scene.proxy.inject({ ...put, fault: { kind: 'answer', status: 501, code: 'NotImplemented' } });
      await expect(scene.store.check()).rejects.toMatchObject({
        detail: 'the bucket cannot be used: S3 takes no notice of If-None-Match; turn on versioning',
      });
      expect(await everything()).toEqual([]);
    });

    test('a store that keeps to them at the end of an upload is asked to', async () => {
      const probe = scene.proxy.inject({
        ...complete,
        fault: { kind: 'answer', status: 412, code: 'PreconditionFailed' },
      });
      const store = scene.another();
      await store.check();
      const name = newName();
      await expect(store.create(name, chunks(noise(6_000_000, 1), 1_000_000))).rejects.toMatchObject({
        detail: `create ${name}: the name is taken`,
      });
      expect(await scene.leftOf(name)).toEqual(nothing);
      probe.remove();
      scene.proxy.seen.length = 0;
      await store.create(name, chunks(noise(6_000_000, 1), 1_000_000));
      expect(scene.proxy.seen.map(({ method }) => method)).toEqual(['POST', 'PUT', 'PUT', 'POST']);
      expect(await scene.leftOf(name)).toEqual(oneVersion);
    });

    test('where one upload has claimed a name, readers find no blob, and others no room', async () => {
      const [one, other] = [scene.store, scene.another()];
      await one.check();
      await other.check();
      const name = newName();
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const commit = scene.proxy.inject({
        method: 'POST',
        path: /uploadId=/,
        times: 1,
        fault: { kind: 'hold', until: held },
      });
      const created = one.create(name, chunks(noise(6_000_000, 1), 1_000_000));
      await until(async () => commit.wasMet());
      expect(await other.open(name)).toBeNull();
      expect(await other.stat(name)).toBeNull();
      await expectBlobFailed(other.create(name, chunks(Buffer.from('x'), 1)));
      release();
      expect(await created).toEqual({ sizeBytes: 6_000_000 });
      expect((await contentOf(other, name)).byteLength).toBe(6_000_000);
    });

    test('the encryption that is asked for goes with everything that begins an object', async () => {
      const store = scene.another({ sse: 'AES256' });
      await store.check().catch(() => undefined);
      const asked = scene.proxy.seen.filter(({ method }) => method === 'PUT');
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.every(({ headers }) => headers['x-amz-server-side-encryption'] === 'AES256')).toBe(true);
    });
  });
});
