import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { S3Blobs } from '../../src/blobs/s3-blobs.ts';
import { blobStoreContract } from '../contracts/blobs.contract.ts';
import { newBucket, onS3, type TestBucket } from '../support/s3-server.ts';

// Thousands of requests, and a server that shares the machine with other tests.
vi.setConfig({ testTimeout: 180_000 });

onS3((server) => {
  describe.each([
    ['a plain bucket', { versioned: false, lock: false }],
    ['a bucket with versions and object lock', { versioned: true, lock: true }],
  ])('S3, %s', (name, kind) => {
    let bucket: TestBucket;
    beforeAll(async () => {
      bucket = await newBucket(server, kind);
    });
    afterAll(() => bucket.remove());

    blobStoreContract({
      name,
      open: async () => {
        // What the cases before have left lies below other prefixes, and must not be seen.
        const store = new S3Blobs({ ...bucket.place, prefix: `${randomUUID()}/` });
        return { store, close: () => store.close() };
      },
      skips: [],
    });
  });
});
