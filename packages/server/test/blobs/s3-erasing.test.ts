import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BlobName } from '../../src/model/blob-store.ts';
import { chunks, expectNothing, inGroups, listed, newName, noise } from '../support/blob-bytes.ts';
import { nothing, oneVersion, type S3Scene, s3Scene } from '../support/s3-scene.ts';
import { onS3 } from '../support/s3-server.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

onS3((server) => {
  let scene: S3Scene;

  /** As somebody else would who writes to the bucket. */
  const put = (name: BlobName, text: string) =>
    scene.bucket.s3.putObject({ Bucket: scene.bucket.place.bucket, Key: scene.keyOf(name), Body: text });
  const eraseOne = async (name: BlobName) => (await scene.store.erase([name])).get(name);

  describe('erasing in a bucket with versions and object lock', () => {
    beforeAll(async () => {
      scene = await s3Scene(server, { versioned: true, lock: true });
    });
    beforeEach(() => scene.proxy.heal());
    afterAll(() => scene.close());

    test('every version, every delete marker and every unfinished upload of a name goes', async () => {
      const name = newName();
      const where = { Bucket: scene.bucket.place.bucket, Key: scene.keyOf(name) };
      const { s3 } = scene.bucket;
      for (const text of ['one', 'two', 'three']) {
        await put(name, text);
        await s3.deleteObject(where);
      }
      for (const part of [1, 2]) {
        const { UploadId } = await s3.createMultipartUpload(where);
        await s3.uploadPart({ ...where, UploadId, PartNumber: part, Body: 'part' });
      }
      await s3.createMultipartUpload(where);
      expect(await scene.leftOf(name)).toEqual({ versions: 3, markers: 3, uploads: 3 });
      expect(await scene.store.remaining([name])).toEqual(new Set([name]));
      expect(await eraseOne(name)).toEqual({ kind: 'erased' });
      expect(await scene.leftOf(name)).toEqual(nothing);
      await expectNothing(scene.store, name);
    });

    test('a delete marker alone is something, is listed without bytes, and goes', async () => {
      const name = newName();
      await scene.bucket.s3.deleteObject({ Bucket: scene.bucket.place.bucket, Key: scene.keyOf(name) });
      expect(await scene.store.stat(name)).toBeNull();
      expect(await scene.store.remaining([name])).toEqual(new Set([name]));
      expect((await listed(scene.store)).filter((blob) => blob.name === name)).toMatchObject([
        { sizeBytes: 0, unfinished: false },
      ]);
      expect(await eraseOne(name)).toEqual({ kind: 'erased' });
      await expectNothing(scene.store, name);
    });

    test('a blob beneath a delete marker is listed with its size', async () => {
      const name = newName();
      await put(name, 'sealed');
      await scene.bucket.s3.deleteObject({ Bucket: scene.bucket.place.bucket, Key: scene.keyOf(name) });
      expect((await listed(scene.store)).filter((blob) => blob.name === name)).toMatchObject([{ sizeBytes: 6 }]);
      expect(await eraseOne(name)).toEqual({ kind: 'erased' });
    });

    test('more versions of one name than fit into a page all go', async () => {
      const [name, neighbour] = [`${newName()}5`, newName()];
      await inGroups(Array.from({ length: 80 }, String), (text) => put(name, text));
      await put(neighbour, 'sealed');
      expect(await scene.store.erase([name, neighbour])).toEqual(
        new Map([
          [name, { kind: 'erased' }],
          [neighbour, { kind: 'erased' }],
        ]),
      );
      expect(await scene.leftOf(name)).toEqual(nothing);
      expect(await scene.leftOf(neighbour)).toEqual(nothing);
    });

    test('longer names that begin the same stay, and so do their uploads', async () => {
      const name = newName();
      const longer = ['0', '-', 'z', '-1'].map((end) => `${name}${end}`);
      for (const one of [name, ...longer]) await put(one, 'sealed');
      const Key = scene.keyOf(`${name}7`);
      await scene.bucket.s3.createMultipartUpload({ Bucket: scene.bucket.place.bucket, Key });
      expect(await eraseOne(name)).toEqual({ kind: 'erased' });
      expect(await scene.leftOf(name)).toEqual(nothing);
      for (const one of longer) expect(await scene.leftOf(one)).toEqual(oneVersion);
      expect((await scene.leftOf(`${name}7`)).uploads).toBe(1);
      expect(await eraseOne(`${name}7`)).toEqual({ kind: 'erased' });
    });

    test('what lies below another prefix, or under no blob name, is neither listed nor touched', async () => {
      const name = newName();
      const strangers = [`other/${name}`, `${name}`, `tacet/sub/${name}`, 'tacet/.archive', 'tacet/UPPER', 'tacet/a b'];
      const { s3, place } = scene.bucket;
      for (const Key of strangers) await s3.putObject({ Bucket: place.bucket, Key, Body: 'x' });
      await s3.createMultipartUpload({ Bucket: place.bucket, Key: 'tacet/UPPER' });
      expect(await eraseOne(name)).toEqual({ kind: 'absent' });
      expect((await listed(scene.store)).map((blob) => blob.name)).not.toContain(name);
      expect(await scene.store.removeUnfinished(new Date(Date.now() + 1e9))).toBe(0);
      const { Versions = [] } = await s3.listObjectVersions({ Bucket: place.bucket });
      const keys = new Set(Versions.map(({ Key }) => Key));
      expect(strangers.filter((key) => !keys.has(key))).toEqual([]);
    });

    test('GOVERNANCE and COMPLIANCE hold the bytes until their date, and no longer', async () => {
      const [governed, complied, free] = [newName(), newName(), newName()];
      for (const name of [governed, complied, free]) await put(name, 'sealed');
      const ends = new Date(Date.now() + 6_000);
      const held = [
        [governed, 'GOVERNANCE'],
        [complied, 'COMPLIANCE'],
      ] as const;
      for (const [name, Mode] of held) {
        const Retention = { Mode, RetainUntilDate: ends };
        await scene.bucket.s3.putObjectRetention({ ...objectOf(name), Retention });
      }
      const outcomes = await scene.store.erase([governed, complied, free]);
      expect(outcomes.get(free)).toEqual({ kind: 'erased' });
      for (const [name, mode] of held) {
        const outcome = outcomes.get(name);
        expect(outcome?.kind, mode).toBe('locked');
        // Ceph keeps whole milliseconds, and gives back a fraction of them.
        const locked = outcome?.kind === 'locked' ? outcome.until?.getTime() : undefined;
        expect(Math.abs((locked ?? 0) - ends.getTime()), mode).toBeLessThan(1000);
      }
      expect(await scene.store.remaining([governed, complied, free])).toEqual(new Set([governed, complied]));
      // Both at the same time: neither waits for the date of the other.
      const goes = async ([name, mode]: (typeof held)[number]) => {
        await until(async () => (await eraseOne(name))?.kind === 'erased');
        expect(Date.now(), mode).toBeGreaterThan(ends.getTime() - 1000);
        await expectNothing(scene.store, name);
      };
      await Promise.all(held.map(goes));
    });

    test('of several locks the last one counts, and a legal hold has no date', async () => {
      const name = newName();
      const { s3 } = scene.bucket;
      for (const days of [1, 3, 2]) {
        const { VersionId } = await put(name, `kept ${days} days`);
        const RetainUntilDate = new Date(Date.UTC(2100, 0, days));
        const which = { ...objectOf(name), VersionId };
        await s3.putObjectRetention({ ...which, Retention: { Mode: 'GOVERNANCE', RetainUntilDate } });
      }
      expect(await eraseOne(name)).toEqual({ kind: 'locked', until: new Date(Date.UTC(2100, 0, 3)) });
      await put(name, 'held');
      await s3.putObjectLegalHold({ ...objectOf(name), LegalHold: { Status: 'ON' } });
      expect(await eraseOne(name)).toEqual({ kind: 'locked', until: null });
      await s3.putObjectLegalHold({ ...objectOf(name), LegalHold: { Status: 'OFF' } });
      expect(await eraseOne(name)).toEqual({ kind: 'locked', until: new Date(Date.UTC(2100, 0, 3)) });
      expect((await scene.leftOf(name)).versions).toBe(3);
    });

    test('governance is never bypassed', async () => {
      expect(scene.proxy.seen).toEqual([]);
      const name = newName();
      await put(name, 'sealed');
      const RetainUntilDate = new Date(Date.UTC(2100, 0, 1));
      await scene.bucket.s3.putObjectRetention({
        ...objectOf(name),
        Retention: { Mode: 'GOVERNANCE', RetainUntilDate },
      });
      expect((await eraseOne(name))?.kind).toBe('locked');
      const headers = scene.proxy.seen.flatMap((request) => Object.keys(request.headers));
      expect(headers).toContain('authorization');
      expect(headers).not.toContain('x-amz-bypass-governance-retention');
    });

    test('a name that may not be deleted fails with the permission, and the others go', async () => {
      const [denied, fine] = [newName(), newName()];
      for (const name of [denied, fine]) await scene.store.create(name, chunks(noise(10, 1), 10));
      const { s3, place } = scene.bucket;
      const Resource = [`arn:aws:s3:::${place.bucket}/${scene.keyOf(denied)}`];
      const Action = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
      const Statement = [{ Effect: 'Deny', Principal: { AWS: ['*'] }, Action, Resource }];
      await s3.putBucketPolicy({ Bucket: place.bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
      const outcomes = await scene.store.erase([denied, fine]);
      await s3.deleteBucketPolicy({ Bucket: place.bucket });
      expect(outcomes.get(fine)).toEqual({ kind: 'erased' });
      expect(outcomes.get(denied)).toMatchObject({
        kind: 'failed',
        error: { code: 'blob_failed', detail: `erase ${denied}: S3 AccessDenied: needs s3:DeleteObjectVersion` },
      });
      expect(await scene.store.remaining([denied, fine])).toEqual(new Set([denied]));
      expect(await eraseOne(denied)).toEqual({ kind: 'erased' });
    });

    test('what the store does not speak of is not taken for gone', async () => {
      const [one, two] = [newName(), newName()];
      for (const name of [one, two]) await put(name, 'sealed');
      const body = '<?xml version="1.0" encoding="UTF-8"?><DeleteResult></DeleteResult>';
      scene.proxy.inject({ path: /delete=/, fault: { kind: 'answer', status: 200, code: '', body } });
      const outcomes = await scene.store.erase([one, two]);
      expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(['failed', 'failed']);
    });

    test('uploads that cannot be looked for fail every name, and their other bytes go', async () => {
      const name = newName();
      await put(name, 'sealed');
      const fault = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;
      const refusal = scene.proxy.inject({ method: 'GET', path: /\?.*uploads/, fault });
      const outcome = await eraseOne(name);
      await expect(scene.store.remaining([name])).rejects.toMatchObject({ code: 'blob_failed' });
      expect(outcome).toMatchObject({
        kind: 'failed',
        error: { detail: 'erase: S3 AccessDenied 403: needs s3:ListBucketMultipartUploads' },
      });
      refusal.remove();
      expect(await eraseOne(name)).toEqual({ kind: 'absent' });
    });
  });

  describe.each([
    ['a plain bucket', { versioned: false, lock: false }],
    ['a bucket with versions', { versioned: true, lock: false }],
  ])('erasing by the thousand in %s', (_name, kind) => {
    beforeAll(async () => {
      scene = await s3Scene(server, kind);
    });
    afterAll(() => scene.close());

    test('more than 1,000 names take few requests when they lie together, and none of the others goes', async () => {
      const names = Array.from({ length: 1_100 }, newName);
      await inGroups(names, (name) => put(name, name));
      const kept = names.filter((_, index) => index % 26 === 0);
      const gone = names.filter((_, index) => index % 26 !== 0);
      scene.proxy.heal();
      expect(await scene.store.erase(gone)).toEqual(new Map(gone.map((name) => [name, { kind: 'erased' }])));
      expect(scene.proxy.seen.length).toBeLessThan(30);
      scene.proxy.heal();
      expect(await scene.store.remaining(names)).toEqual(new Set(kept));
      expect(scene.proxy.seen.length).toBeLessThan(15);
      expect((await listed(scene.store)).map(({ name }) => name).sort()).toEqual([...kept].sort());

      // Far apart: a name here and there among others, and some that never were.
      const few = [...kept.filter((_, index) => index % 20 === 0), newName(), '0', 'z'.repeat(100)];
      scene.proxy.heal();
      expect(await scene.store.remaining(few)).toEqual(new Set(few.slice(0, 3)));
      expect((await scene.store.erase(few)).size).toBe(6);
      expect(await scene.store.remaining(kept)).toEqual(new Set(kept.filter((_, index) => index % 20 !== 0)));
    });
  });

  function objectOf(name: BlobName): { Bucket: string; Key: string } {
    return { Bucket: scene.bucket.place.bucket, Key: scene.keyOf(name) };
  }
});
