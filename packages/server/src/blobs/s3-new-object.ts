/** Making an object that was not there, on stores that take conditions and on stores that take no notice of them. */
import { randomUUID } from 'node:crypto';
import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { deleteVersions } from './s3-erasing.ts';
import { answeredIfThere, isUnmet, mayHaveWorked, s3Failed } from './s3-failure.ts';
import { createdBy, isClaim } from './s3-object.ts';
import { type S3Version, versionsOf } from './s3-versions.ts';

/**
 * How the promise of create-only is kept, by what the store was found to do.
 *
 * - `condition`: the store refuses a request with `If-None-Match: *` where the key has an object.
 * - `look`: it does not, but it keeps versions. Whoever has written looks at the versions of the key, and takes its own
 *   back where there is another's. Of two, the one that wrote second sees the first, so at most one stays.
 * - `claim`: it keeps no versions and knows the condition for whole objects alone. An empty object, made under the
 *   condition, holds the key until the upload replaces it.
 */
export type CreateOnly = { put: 'condition' | 'look'; complete: 'condition' | 'look' | 'claim' };

/** An object about to be made, known again by an id of its own in its metadata. */
export type Draft = { what: string; key: string; createId: string };

export function newDraft(what: string, key: string): Draft {
  return { what, key, createId: randomUUID() };
}

/** Makes a small object in one request. Throws `blob_failed` where there is one, and leaves that as it is. */
export async function putNew(bucket: S3Bucket, rule: CreateOnly['put'], draft: Draft, body: Uint8Array): Promise<void> {
  await commitNew(bucket, rule, draft, () =>
    bucket.s3.putObject({
      ...{ Bucket: bucket.bucket, Key: draft.key, Body: body, ContentLength: body.byteLength },
      ...{ Metadata: metadataOf(draft), ...bucket.encryption },
      ...(rule === 'condition' && { IfNoneMatch: '*' }),
    }),
  );
}

/**
 * Sends the one request that makes the object, and sees to it that it is the only one of its key.
 *
 * An answer may be lost, and a request that the SDK has sent again is refused because of what it has done itself the first
 * time. So before a failure is believed, the object is looked for.
 */
export async function commitNew(
  bucket: S3Bucket,
  rule: 'condition' | 'look',
  draft: Draft,
  send: () => Promise<{ VersionId?: string | undefined }>,
): Promise<void> {
  let versionId: string | undefined;
  try {
    versionId = (await send()).VersionId;
  } catch (error) {
    if (!mayHaveWorked(error)) throw taken(draft);
    const own = await ownVersions(bucket, draft).catch(() => []);
    if (own.length === 0) throw isUnmet(error) ? taken(draft) : s3Failed(draft.what, error, 's3:PutObject');
  }
  if (rule === 'look') await yieldToOthers(bucket, draft, versionId);
}

/** Removes what a draft has left in the store. */
export async function withdraw(bucket: S3Bucket, draft: Draft): Promise<void> {
  await removeAll(bucket, draft, await ownVersions(bucket, draft));
}

/** Goes with whatever begins the object. */
export function metadataOf({ createId }: Draft): Record<string, string> {
  return { [createdBy]: createId };
}

/** Holds the key with an empty object, which readers do not take for a blob. */
export async function claimKey(bucket: S3Bucket, draft: Draft): Promise<void> {
  await commitNew(bucket, 'condition', draft, () =>
    bucket.s3.putObject({
      ...{ Bucket: bucket.bucket, Key: draft.key, Body: '', ContentLength: 0, IfNoneMatch: '*', ...bucket.encryption },
      Metadata: { ...metadataOf(draft), [isClaim]: draft.createId },
    }),
  );
}

/** Takes our own versions back where the key has another's. */
async function yieldToOthers(bucket: S3Bucket, draft: Draft, versionId: string | undefined): Promise<void> {
  const [own, others]: [S3Version[], S3Version[]] = [[], []];
  for (const version of await versionsAt(bucket, draft)) {
    const isOwn = version.versionId === versionId || (await isOurs(bucket, draft, version));
    (isOwn ? own : others).push(version);
  }
  if (own.length === 0) throw blobFailed(`${draft.what}: erased meanwhile`);
  // All but one were written by attempts whose answers were lost.
  await removeAll(bucket, draft, others.length > 0 ? own : own.slice(1));
  if (others.length > 0) throw taken(draft);
}

async function ownVersions(bucket: S3Bucket, draft: Draft): Promise<S3Version[]> {
  const own: S3Version[] = [];
  for (const version of await versionsAt(bucket, draft)) if (await isOurs(bucket, draft, version)) own.push(version);
  return own;
}

/** Objects at the key; delete markers are none. */
async function versionsAt(bucket: S3Bucket, { what, key }: Draft): Promise<S3Version[]> {
  const versions = await versionsOf(bucket, what, [key]);
  return (versions.get(key) ?? []).filter(({ isMarker }) => !isMarker);
}

async function isOurs(bucket: S3Bucket, draft: Draft, { key, versionId }: S3Version): Promise<boolean> {
  const request = bucket.s3.headObject({ Bucket: bucket.bucket, Key: key, VersionId: versionId });
  const found = await answeredIfThere(draft.what, 's3:GetObjectVersion', request);
  return found?.Metadata?.[createdBy] === draft.createId;
}

async function removeAll(bucket: S3Bucket, { what }: Draft, versions: readonly S3Version[]): Promise<void> {
  const [said] = (await deleteVersions(bucket, what, versions)).values();
  if (said !== undefined) throw blobFailed(`${what}: S3 ${said}`);
}

function taken({ what }: Draft): Error {
  return blobFailed(`${what}: the name is taken`);
}
