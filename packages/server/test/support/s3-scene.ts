import { S3Blobs } from '../../src/blobs/s3-blobs.ts';
import type { S3Limits, S3Place } from '../../src/blobs/s3-bucket.ts';
import type { BlobName } from '../../src/model/blob-store.ts';
import { S3FaultProxy } from './s3-fault-proxy.ts';
import { type BucketKind, newBucket, type S3Server, type TestBucket } from './s3-server.ts';

/** Short enough that a test may wait for them. */
const shortLimits: S3Limits = { connectMs: 2_000, requestMs: 5_000, idleMs: 1_000, attemptsMax: 2 };

/** A fresh bucket, and a store that reaches it through a proxy. */
export type S3Scene = {
  bucket: TestBucket;
  proxy: S3FaultProxy;
  store: S3Blobs;
  /** Another store on the same bucket, as another process has one. */
  another(place?: Partial<S3Place>): S3Blobs;
  keyOf(name: BlobName): string;
  /** What the bucket has of a name, whoever put it there. */
  leftOf(name: BlobName): Promise<{ versions: number; markers: number; uploads: number }>;
  close(): Promise<void>;
};

export async function s3Scene(server: S3Server, kind: BucketKind): Promise<S3Scene> {
  const bucket = await newBucket(server, kind);
  const proxy = await S3FaultProxy.start(server.endpoint);
  const place = { ...bucket.place, endpoint: proxy.endpoint };
  const stores: S3Blobs[] = [];
  const another = (other: Partial<S3Place> = {}) => {
    const store = new S3Blobs({ ...place, ...other }, { limits: shortLimits });
    stores.push(store);
    return store;
  };
  const keyOf = (name: BlobName) => place.prefix + name;
  const { s3 } = bucket;
  return {
    ...{ bucket, proxy, store: another(), another, keyOf },
    leftOf: async (name) => {
      const where = { Bucket: place.bucket, Prefix: keyOf(name) };
      const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions(where);
      const { Uploads = [] } = await s3.listMultipartUploads(where);
      const ofName = (entries: readonly { Key?: string | undefined }[]) =>
        entries.filter(({ Key }) => Key === keyOf(name)).length;
      return { versions: ofName(Versions), markers: ofName(DeleteMarkers), uploads: ofName(Uploads) };
    },
    close: async () => {
      for (const store of stores) await store.close();
      await proxy.close();
      await bucket.remove();
    },
  };
}

/** A name has nothing left in the bucket. */
export const nothing = { versions: 0, markers: 0, uploads: 0 };
/** A name has one object in the bucket, and nothing else. */
export const oneVersion = { versions: 1, markers: 0, uploads: 0 };
