import type { BlobName } from '../model/blob-store.ts';
import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { answered, answeredIfThere } from './s3-failure.ts';

/** Metadata of every object of ours: which create has written it. An answer may be lost; this tells whether it worked. */
export const createdBy = 'tacet-create';

/** Metadata of an empty object that only holds a name for the upload that is about to replace it. */
export const isClaim = 'tacet-claim';

/** An object as it was found, and what it is known again by. */
export type S3Object = { key: string; sizeBytes: number; etag: string; versionId: string | undefined };

/** The object that a blob is in; undefined when there is none. */
export async function findObject(bucket: S3Bucket, what: string, name: BlobName): Promise<S3Object | undefined> {
  const key = bucket.keyOf(name);
  const where = { Bucket: bucket.bucket };
  const found = await answeredIfThere(what, 's3:GetObject', bucket.s3.headObject({ ...where, Key: key }));
  if (found === undefined) {
    // The answer has no body to say what is missing, and a missing bucket is not an absent blob.
    await answered(what, 's3:ListBucket', bucket.s3.headBucket(where));
    return undefined;
  }
  if (found.Metadata?.[isClaim] !== undefined) return undefined;
  const { ContentLength: sizeBytes, ETag: etag, VersionId: versionId } = found;
  if (sizeBytes === undefined || etag === undefined) throw blobFailed(`${what}: S3 tells no size or no ETag`);
  return { key, sizeBytes, etag, versionId };
}
