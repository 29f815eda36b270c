import type { ListMultipartUploadsOutput } from '@aws-sdk/client-s3';
import type { BlobName } from '../model/blob-store.ts';
import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { answered, answeredIfThere } from './s3-failure.ts';

/** A multipart upload that is neither completed nor aborted. */
export type S3Upload = { key: string; uploadId: string; initiatedAt: Date };

/** Aborts of one upload: a part that was on its way when it was aborted may have brought it back. */
const abortsMax = 3;

/** Every unfinished upload whose key begins so. In no order that could be relied on: each store has its own. */
export async function* listUploads(bucket: S3Bucket, what: string, prefix: string): AsyncGenerator<S3Upload> {
  for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const request = bucket.s3.listMultipartUploads({ Bucket: bucket.bucket, Prefix: prefix, ...marker });
    const page: ListMultipartUploadsOutput = await answered(what, 's3:ListBucketMultipartUploads', request);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) throw blobFailed(`${what}: S3 lists an upload without its key`);
      yield { key: Key, uploadId: UploadId, initiatedAt: Initiated ?? new Date(0) };
    }
    if (!page.IsTruncated) return;
    const { NextKeyMarker, NextUploadIdMarker } = page;
    if (NextKeyMarker === undefined || NextUploadIdMarker === undefined) {
      throw blobFailed(`${what}: S3 cut a list short`);
    }
    marker = { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
  }
}

/** The unfinished uploads of these names. */
export async function uploadsOf(
  bucket: S3Bucket,
  what: string,
  names: readonly BlobName[],
): Promise<Map<BlobName, S3Upload[]>> {
  const found = new Map<BlobName, S3Upload[]>();
  if (names.length === 0) return found;
  const wanted = new Set(names);
  for await (const upload of listUploads(bucket, what, sharedPrefix(names.map((name) => bucket.keyOf(name))))) {
    const name = bucket.nameOf(upload.key);
    if (name !== undefined && wanted.has(name)) found.set(name, [...(found.get(name) ?? []), upload]);
  }
  return found;
}

/** Bytes that have arrived of an upload, and when the last did; undefined when it is no more. */
export async function arrivedOf(
  bucket: S3Bucket,
  what: string,
  { key, uploadId, initiatedAt }: S3Upload,
): Promise<{ sizeBytes: number; modifiedAt: Date } | undefined> {
  let [sizeBytes, modifiedAt] = [0, initiatedAt];
  for (let after: string | undefined; ; ) {
    const page = await answeredIfThere(
      what,
      's3:ListMultipartUploadParts',
      bucket.s3.listParts({
        ...{ Bucket: bucket.bucket, Key: key, UploadId: uploadId },
        ...(after !== undefined && { PartNumberMarker: after }),
      }),
    );
    if (page === undefined) return undefined;
    for (const { Size = 0, LastModified = initiatedAt } of page.Parts ?? []) {
      sizeBytes += Size;
      if (LastModified > modifiedAt) modifiedAt = LastModified;
    }
    if (!page.IsTruncated) return { sizeBytes, modifiedAt };
    if (page.NextPartNumberMarker === undefined) throw blobFailed(`${what}: S3 cut a list short`);
    after = page.NextPartNumberMarker;
  }
}

/**
 * Aborts an upload, and looks whether its parts are gone. True when it was there.
 *
 * A part that arrives during an abort may survive it; Amazon's advice is to list the parts and abort again (API reference,
 * AbortMultipartUpload).
 */
export async function discardUpload(bucket: S3Bucket, what: string, upload: S3Upload): Promise<boolean> {
  const which = { Bucket: bucket.bucket, Key: upload.key, UploadId: upload.uploadId };
  let wasThere = false;
  for (let aborts = 0; aborts < abortsMax; aborts += 1) {
    const request = bucket.s3.abortMultipartUpload(which);
    if ((await answeredIfThere(what, 's3:AbortMultipartUpload', request)) !== undefined) wasThere = true;
    if ((await arrivedOf(bucket, what, upload)) === undefined) return wasThere;
  }
  throw blobFailed(`${what}: the upload is still there after it was aborted`);
}

/** What all of these keys begin with. */
export function sharedPrefix(keys: readonly string[]): string {
  let [shared = ''] = keys;
  for (const key of keys) while (!key.startsWith(shared)) shared = shared.slice(0, -1);
  return shared;
}
