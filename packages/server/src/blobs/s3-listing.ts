import type { StoredBlob } from '../model/blob-store.ts';
import { inLanes } from './lanes.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { lotsOf } from './s3-erasing.ts';
import { arrivedOf, listUploads, type S3Upload } from './s3-uploads.ts';
import { listVersions, type S3Version } from './s3-versions.ts';

const what = 'list';

/**
 * Every blob of which anything is there, each once, and every unfinished upload.
 *
 * A blob of several versions has the size of the newest. One of which only delete markers are left is listed too, without
 * bytes: it is something that an erase has to remove. Uploads come first, so that one that is completed meanwhile is not
 * missed; it is listed as both.
 */
export async function* listBlobs(bucket: S3Bucket): AsyncGenerator<StoredBlob> {
  const uploads: S3Upload[] = [];
  for await (const upload of listUploads(bucket, what, bucket.prefix)) uploads.push(upload);
  for (const lot of lotsOf(uploads, 100)) yield* await unfinishedAmong(bucket, lot);

  let newest: S3Version | undefined;
  for await (const version of listVersions(bucket, what, bucket.prefix)) {
    if (newest !== undefined && version.key !== newest.key) {
      yield* finished(bucket, newest);
      newest = undefined;
    }
    if (newest === undefined || isNewer(version, newest)) newest = version;
  }
  if (newest !== undefined) yield* finished(bucket, newest);
}

async function unfinishedAmong(bucket: S3Bucket, uploads: readonly S3Upload[]): Promise<StoredBlob[]> {
  const found: StoredBlob[] = [];
  await inLanes(uploads, async (upload) => {
    const name = bucket.nameOf(upload.key);
    const arrived = name === undefined ? undefined : await arrivedOf(bucket, `list ${name}`, upload);
    if (name !== undefined && arrived !== undefined) found.push({ name, ...arrived, unfinished: true });
  });
  return found;
}

function* finished(bucket: S3Bucket, { key, sizeBytes, modifiedAt }: S3Version): Generator<StoredBlob> {
  const name = bucket.nameOf(key);
  if (name !== undefined) yield { name, sizeBytes, modifiedAt, unfinished: false };
}

/** Bytes before delete markers, then by time. */
function isNewer(one: S3Version, other: S3Version): boolean {
  if (one.isMarker !== other.isMarker) return other.isMarker;
  return one.modifiedAt > other.modifiedAt;
}
