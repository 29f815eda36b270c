/**
 * The mark that a prefix of a bucket bears: an object beside the blobs, whose key is no blob name, which says whose
 * recordings they are.
 */
import { refuseOwner } from '../model/blob-store.ts';
import { AppError } from '../model/errors.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { deleteVersions } from './s3-erasing.ts';
import { answered, s3Failed, statusOf } from './s3-failure.ts';
import { type CreateOnly, newDraft, putNew } from './s3-new-object.ts';
import { versionsOf } from './s3-versions.ts';

const markName = '.archive';
const what = 'the mark of the bucket';

/** Id of the archive that the prefix is marked as; undefined where it has no mark, or there is no such bucket. */
export async function readMark(bucket: S3Bucket, versionId?: string): Promise<string | undefined> {
  const which = { Bucket: bucket.bucket, Key: keyOf(bucket), ...(versionId !== undefined && { VersionId: versionId }) };
  let text: string | undefined;
  try {
    text = await (await bucket.s3.getObject(which)).Body?.transformToString();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw s3Failed(what, error, 's3:GetObject');
  }
  return archiveIdIn(text ?? '');
}

/** Makes the mark, which stays whatever it says where there is one. Throws `archive_mismatch` where that is another's. */
export async function makeMark(bucket: S3Bucket, rule: CreateOnly['put'], archiveId: string): Promise<void> {
  const body = Buffer.from(`${JSON.stringify({ format: 1, archiveId })}\n`);
  if (rule === 'condition') await makeUnderCondition(bucket, body, archiveId);
  else await makeAndLook(bucket, body, archiveId);
}

async function makeUnderCondition(bucket: S3Bucket, body: Buffer, archiveId: string): Promise<void> {
  try {
    await putNew(bucket, 'condition', newDraft(what, keyOf(bucket)), body);
  } catch (error) {
    // Somebody was first, or the store is not well.
    const owner = await readMark(bucket);
    if (owner === undefined) throw error;
    refuseOwner(owner, archiveId);
  }
}

/**
 * Where the store takes no conditions, several marks may be made at once, each a version. Those of one archive say the
 * same, and stay; beside another's, ours is taken back. Whoever has written second sees the first.
 */
async function makeAndLook(bucket: S3Bucket, body: Buffer, archiveId: string): Promise<void> {
  refuseOwner(await readMark(bucket), archiveId);
  const key = keyOf(bucket);
  const request = bucket.s3.putObject({ Bucket: bucket.bucket, Key: key, Body: body, ...bucket.encryption });
  const { VersionId } = await answered(what, 's3:PutObject', request);
  const versions = (await versionsOf(bucket, what, [key])).get(key) ?? [];
  for (const { versionId, isMarker } of versions) {
    const other = isMarker || versionId === VersionId ? undefined : await readMark(bucket, versionId);
    if (other === undefined || other === archiveId) continue;
    const own = versions.filter((version) => version.versionId === VersionId);
    await deleteVersions(bucket, what, own);
    refuseOwner(other, archiveId);
  }
}

function keyOf(bucket: S3Bucket): string {
  return bucket.prefix + markName;
}

function archiveIdIn(text: string): string {
  const mark = parsed(text);
  const archiveId = typeof mark === 'object' && mark !== null && 'archiveId' in mark ? mark.archiveId : undefined;
  if (typeof archiveId === 'string' && archiveId !== '') return archiveId;
  throw new AppError('damage', {
    detail: `the object ${markName} in the bucket names no archive; remove it where the bucket is the right one`,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
