/** A real S3 server for tests, which somebody else has started, and buckets on it. */
import { randomUUID } from 'node:crypto';
import { S3 } from '@aws-sdk/client-s3';
import { test } from 'vitest';
import type { S3Place } from '../../src/blobs/s3-bucket.ts';

/** Why tests that need one are skipped where there is none. */
const noS3Server = 'no S3 server; start one: eval "$(scripts/test-servers start)"';

export type S3Server = { endpoint: string; accessKey: string; secretKey: string };

/** What a test bucket can do. Object lock needs versions. */
export type BucketKind = { versioned: boolean; lock: boolean };

export type TestBucket = {
  place: S3Place;
  /** As its owner, past everything that is tested. */
  s3: S3;
  /** Removes what can be removed. What is locked stays behind: the server keeps all in memory. */
  remove(): Promise<void>;
};

/**
 * The server of TACET_TEST_S3_ENDPOINT, TACET_TEST_S3_ACCESS_KEY and TACET_TEST_S3_SECRET_KEY; undefined where they are not
 * set. Gives the credentials to the SDK, which the product leaves to find them.
 */
export function s3Server(): S3Server | undefined {
  const {
    TACET_TEST_S3_ENDPOINT: endpoint,
    TACET_TEST_S3_ACCESS_KEY: accessKey,
    TACET_TEST_S3_SECRET_KEY: secretKey,
  } = process.env;
  if (!endpoint || !accessKey || !secretKey) return undefined;
  process.env['AWS_ACCESS_KEY_ID'] = accessKey;
  process.env['AWS_SECRET_ACCESS_KEY'] = secretKey;
  return { endpoint, accessKey, secretKey };
}

/** Tests that need the server; without one, a single skipped test that says how to start it. */
export function onS3(tests: (server: S3Server) => void): void {
  const server = s3Server();
  if (server === undefined) test(noS3Server, (context) => context.skip(noS3Server));
  else tests(server);
}

/** A fresh bucket. */
export async function newBucket(server: S3Server, kind: BucketKind): Promise<TestBucket> {
  const bucket = `tacet-test-${randomUUID()}`;
  const s3 = ownerOf(server);
  await s3.createBucket({ Bucket: bucket, ...(kind.lock && { ObjectLockEnabledForBucket: true }) });
  if (kind.versioned && !kind.lock) {
    await s3.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } });
  }
  const place = { bucket, prefix: 'tacet/', endpoint: server.endpoint, region, pathStyle: true, sse: null };
  return { place, s3, remove: () => removeBucket(s3, bucket) };
}

const region = 'us-east-1';

function ownerOf({ endpoint, accessKey, secretKey }: S3Server): S3 {
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  return new S3({ endpoint, region, forcePathStyle: true, credentials });
}

async function removeBucket(s3: S3, Bucket: string): Promise<void> {
  try {
    await s3.deleteBucketPolicy({ Bucket });
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket });
    for (const { Key, UploadId } of Uploads) await s3.abortMultipartUpload({ Bucket, Key, UploadId });
    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket });
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length === 0) break;
      const { Errors = [] } = await s3.deleteObjects({ Bucket, Delete: { Objects }, BypassGovernanceRetention: true });
      if (Errors.length > 0) return;
    }
    await s3.deleteBucket({ Bucket });
  } finally {
    s3.destroy();
  }
}
