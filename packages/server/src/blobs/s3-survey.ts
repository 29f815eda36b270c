/** What has to be known of a bucket before it is trusted with recordings: found out by trying, at start-up. */
import { randomUUID } from 'node:crypto';
import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { deleteVersions } from './s3-erasing.ts';
import { answered, answeredIfThere, isUnmet, s3Failed, statusOf } from './s3-failure.ts';
import type { CreateOnly } from './s3-new-object.ts';
import { arrivedOf, discardUpload, listUploads, type S3Upload } from './s3-uploads.ts';
import { listVersions, type S3Version } from './s3-versions.ts';

const what = 'the bucket cannot be used';

/** Begins the key of every probe: no blob name. */
const probePrefix = '.check-';
/** A probe as old as this is one whose process died. */
const probeMsMax = 3_600_000;
const content = Buffer.from('tacet');

/**
 * Makes sure that the bucket is there, that its versions can be known, and that everything this store will ever do is
 * allowed: a whole life of a probe object. Returns how create-only can be kept there.
 *
 * Throws `blob_failed` and names the permission that is missing. Leaves nothing.
 */
export async function surveyBucket(bucket: S3Bucket): Promise<CreateOnly> {
  const [keepsVersions, lock] = await Promise.all([versioningOf(bucket), lockOf(bucket)]);
  const key = `${bucket.prefix}${probePrefix}${randomUUID()}`;
  if (lock === 'by default') {
    // An object of this bucket is locked as soon as it is made, and a probe would stay for as long as a recording. So what
    // can be asked without one is asked, and that the store takes conditions is not relied on.
    await tryAborting(bucket, await beginUpload(bucket, key));
    await tryReading(bucket, { key, versionId: undefined });
    await tryLocks(bucket, key);
    await tryDeleting(bucket, key, [{ key, versionId: 'null', ...nothing }]);
    await tryLooking(bucket, key);
    return { put: 'look', complete: 'look' };
  }
  try {
    const { versionId, takesConditions } = await tryWriting(bucket, key);
    const upload = await beginUpload(bucket, key);
    const complete = await tryCompleting(bucket, upload);
    await tryAborting(bucket, upload);
    await tryReading(bucket, { key, versionId });
    if (lock === 'possible') await tryLocks(bucket, key);
    await tryDeleting(bucket, key, await probesAt(bucket, key));
    await tryLooking(bucket, key);
    return createOnlyBy({ put: takesConditions, complete, keepsVersions });
  } catch (error) {
    // What stays of the probe is removed by a later check.
    await removeProbe(bucket, key).catch(() => undefined);
    throw error;
  }
}

/** True where each write leaves a version of its own. Suspended, they all write the version `null`. */
async function versioningOf(bucket: S3Bucket): Promise<boolean> {
  const request = bucket.s3.getBucketVersioning({ Bucket: bucket.bucket });
  const { Status, MFADelete } = await answered(what, 's3:GetBucketVersioning', request);
  if (MFADelete === 'Enabled') throw blobFailed(`${what}: MFA delete is on, so no version could be erased`);
  const status: string | undefined = Status;
  if (status !== undefined && status !== 'Enabled' && status !== 'Suspended') {
    throw blobFailed(`${what}: its versioning state is neither off, Enabled nor Suspended`);
  }
  return status === 'Enabled';
}

async function lockOf(bucket: S3Bucket): Promise<'none' | 'possible' | 'by default'> {
  try {
    const { ObjectLockConfiguration: lock } = await bucket.s3.getObjectLockConfiguration({ Bucket: bucket.bucket });
    if (lock?.ObjectLockEnabled !== 'Enabled') return 'none';
    return lock.Rule?.DefaultRetention === undefined ? 'possible' : 'by default';
  } catch (error) {
    // Not configured, or a store that has no locks.
    if (statusOf(error) === 404 || statusOf(error) === 501 || statusOf(error) === 405) return 'none';
    throw s3Failed(what, error, 's3:GetBucketObjectLockConfiguration');
  }
}

/** Writes the probe, and tells whether a second write under a condition is refused. */
async function tryWriting(
  bucket: S3Bucket,
  key: string,
): Promise<{ versionId: string | undefined; takesConditions: boolean }> {
  const probe = { Bucket: bucket.bucket, Key: key, Body: content, ...bucket.encryption };
  const { VersionId: versionId } = await answered(what, 's3:PutObject', bucket.s3.putObject(probe));
  return { versionId, takesConditions: await isRefused(bucket.s3.putObject({ ...probe, IfNoneMatch: '*' })) };
}

async function beginUpload(bucket: S3Bucket, key: string): Promise<S3Upload> {
  const where = { Bucket: bucket.bucket, Key: key };
  const begun = bucket.s3.createMultipartUpload({ ...where, ...bucket.encryption, ChecksumAlgorithm: 'CRC32' });
  const { UploadId } = await answered(what, 's3:PutObject', begun);
  if (UploadId === undefined) throw blobFailed(`${what}: S3 gave an upload no id`);
  const upload = { key, uploadId: UploadId, initiatedAt: new Date(0) };
  await arrivedOf(bucket, what, upload);
  return upload;
}

/** Tells whether the completion of an upload over the probe is refused. */
async function tryCompleting({ s3, bucket }: S3Bucket, { key, uploadId }: S3Upload): Promise<boolean> {
  const where = { Bucket: bucket, Key: key, UploadId: uploadId };
  const sent = s3.uploadPart({ ...where, PartNumber: 1, Body: content });
  const { ETag, ChecksumCRC32 } = await answered(what, 's3:PutObject', sent);
  const part = { PartNumber: 1, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) };
  return await isRefused(
    s3.completeMultipartUpload({ ...where, MultipartUpload: { Parts: [part] }, IfNoneMatch: '*' }),
  );
}

/** True when the store has kept to the condition, false when it took no notice of it or does not know it. */
async function isRefused(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return false;
  } catch (error) {
    if (isUnmet(error)) return true;
    if (statusOf(error) === 501 || statusOf(error) === 400) return false;
    throw s3Failed(what, error, 's3:PutObject');
  }
}

/** Aborts the upload, which may have been completed, and those of probes whose process died. */
async function tryAborting(bucket: S3Bucket, own: S3Upload): Promise<void> {
  await discardUpload(bucket, what, own);
  for await (const upload of listUploads(bucket, what, bucket.prefix + probePrefix)) {
    if (isOld(upload.initiatedAt)) await discardUpload(bucket, what, upload);
  }
}

/** Reads the probe, or is told that there is none. */
async function tryReading(bucket: S3Bucket, probe: { key: string; versionId: string | undefined }): Promise<void> {
  const where = { Bucket: bucket.bucket, Key: probe.key };
  const answer = await answeredIfThere(what, 's3:GetObject', bucket.s3.getObject(where));
  const read = await answer?.Body?.transformToByteArray();
  if (read !== undefined && !content.equals(read)) throw blobFailed(`${what}: it gives back other bytes`);
  if (probe.versionId === undefined) return;
  const request = bucket.s3.headObject({ ...where, VersionId: probe.versionId });
  await answered(what, 's3:GetObjectVersion', request);
}

async function tryLocks(bucket: S3Bucket, key: string): Promise<void> {
  const where = { Bucket: bucket.bucket, Key: key };
  await answeredIfThere(what, 's3:GetObjectRetention', bucket.s3.getObjectRetention(where));
  await answeredIfThere(what, 's3:GetObjectLegalHold', bucket.s3.getObjectLegalHold(where));
}

/** Deletes probes. Of those of the dead it may be that they cannot go. */
async function tryDeleting(bucket: S3Bucket, key: string, probes: readonly S3Version[]): Promise<void> {
  for (const [probe, said] of await deleteVersions(bucket, what, probes)) {
    if (probe.key === key) throw blobFailed(`${what}: a probe could not be deleted: S3 ${said}`);
  }
}

/** Without the permission to list, what is not there is refused like what may not be read. */
async function tryLooking(bucket: S3Bucket, key: string): Promise<void> {
  const request = bucket.s3.headObject({ Bucket: bucket.bucket, Key: key });
  if ((await answeredIfThere(what, 's3:ListBucket', request)) !== undefined) {
    throw blobFailed(`${what}: a probe is still there after it was deleted`);
  }
}

async function removeProbe(bucket: S3Bucket, key: string): Promise<void> {
  await deleteVersions(bucket, what, await probesAt(bucket, key));
  for await (const upload of listUploads(bucket, what, key)) await discardUpload(bucket, what, upload);
}

/** Versions of the probe, and of probes whose process died. */
async function probesAt(bucket: S3Bucket, key: string): Promise<S3Version[]> {
  const probes: S3Version[] = [];
  for await (const version of listVersions(bucket, what, bucket.prefix + probePrefix)) {
    if (version.key === key || isOld(version.modifiedAt)) probes.push(version);
  }
  return probes;
}

function isOld(at: Date): boolean {
  return at.getTime() < Date.now() - probeMsMax;
}

/** A version that is not there, of which a store says only whether it might be deleted. */
const nothing = { isMarker: false, sizeBytes: 0, modifiedAt: new Date(0) };

function createOnlyBy(bucket: { put: boolean; complete: boolean; keepsVersions: boolean }): CreateOnly {
  if (bucket.put && bucket.complete) return { put: 'condition', complete: 'condition' };
  if (bucket.keepsVersions) return { put: bucket.put ? 'condition' : 'look', complete: 'look' };
  if (bucket.put) return { put: 'condition', complete: bucket.complete ? 'condition' : 'claim' };
  throw blobFailed(`${what}: S3 takes no notice of If-None-Match; turn on versioning`);
}
