import { S3ServiceException } from '@aws-sdk/client-s3';
import { AppError, Bug } from '../model/errors.ts';
import { blobFailed } from './blob-failure.ts';

/** What the credentials must be allowed to do, in the words of the AWS service authorization reference for Amazon S3. */
export type S3Permission =
  | 's3:AbortMultipartUpload'
  | 's3:DeleteObject'
  | 's3:DeleteObjectVersion'
  | 's3:GetBucketObjectLockConfiguration'
  | 's3:GetBucketVersioning'
  | 's3:GetObject'
  | 's3:GetObjectLegalHold'
  | 's3:GetObjectRetention'
  | 's3:GetObjectVersion'
  | 's3:ListBucket'
  | 's3:ListBucketMultipartUploads'
  | 's3:ListBucketVersions'
  | 's3:ListMultipartUploadParts'
  | 's3:PutObject';

/** The answer to a request; its failure comes out as `blob_failed`. */
export async function answered<T>(what: string, permission: S3Permission, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw s3Failed(what, error, permission);
  }
}

/** The same, but undefined where the store says that there is no such thing. A bucket that is missing is a failure. */
export async function answeredIfThere<T>(
  what: string,
  permission: S3Permission,
  request: Promise<T>,
): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw s3Failed(what, error, permission);
  }
}

/**
 * `blob_failed` with what the store said (`create NAME: S3 SlowDown 503`), and where it was refused the permission that
 * may be missing.
 *
 * It carries no `cause`: messages of the SDK hold addresses, and answers of a store whatever they please. An error that
 * has a name of ours passes unchanged.
 */
export function s3Failed(what: string, error: unknown, permission: S3Permission): AppError | Bug {
  if (error instanceof AppError || error instanceof Bug) return error;
  const status = statusOf(error);
  const words = status === undefined ? [wordOf(error)] : [...(hasNoBody(error) ? [] : [wordOf(error)]), `${status}`];
  const said = `${what}: S3 ${words.join(' ')}`;
  const hint = hintOf(error, permission);
  return blobFailed(hint === undefined ? said : `${said}: ${hint}`);
}

/** HTTP status of the store's own answer; undefined where there was none. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** True when the store answered that there is no such object, version or upload. */
function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && wordOf(error) !== 'NoSuchBucket';
}

/** True when a condition of the request was not met, or something else was just happening to the object (RFC 9110, 13.2). */
export function isUnmet(error: unknown): boolean {
  return statusOf(error) === 412 || statusOf(error) === 409;
}

/** True when an earlier attempt of the same request may have done its work without our hearing of it. */
export function mayHaveWorked(error: unknown): boolean {
  return !isUnmet(error) || (error instanceof S3ServiceException && (error.$metadata.attempts ?? 1) > 1);
}

/** The store's own word for it, or the system's (`ECONNRESET`). One that is not a plain word is not repeated. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const word = error instanceof S3ServiceException ? error.name : (code ?? error.name);
  return /^[A-Za-z0-9_]{1,64}$/.test(word) ? word : 'Error';
}

function hintOf(error: unknown, permission: S3Permission): string | undefined {
  const word = wordOf(error);
  // Where the bucket itself was asked for, the answer has no body to say so.
  const isBucketMissing = word === 'NoSuchBucket' || (statusOf(error) === 404 && permission === 's3:ListBucket');
  if (isBucketMissing) return 'there is no such bucket';
  if (statusOf(error) === 301) return 'the bucket is in another region';
  if (word === 'CredentialsProviderError') return 'no credentials were found';
  const isRefused = statusOf(error) === 403 && (word === 'AccessDenied' || hasNoBody(error));
  return isRefused ? `needs ${permission}` : undefined;
}

/** True of the answer to a HEAD, which says nothing but its status. */
function hasNoBody(error: unknown): boolean {
  return /^(Unknown|UnknownError|Forbidden)$/.test(wordOf(error));
}
