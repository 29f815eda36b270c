import type { Clock } from '../lib/clock.ts';
import type { BlobName, EraseOutcome } from '../model/blob-store.ts';
import { AppError } from '../model/errors.ts';
import { blobFailed } from './blob-failure.ts';
import { inLanes } from './lanes.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { answered, answeredIfThere } from './s3-failure.ts';
import { discardUpload, type S3Upload, uploadsOf } from './s3-uploads.ts';
import { type S3Version, versionsOf } from './s3-versions.ts';

/** The most that S3 deletes in one request. */
const batchMax = 1000;
/**
 * Names that one lane works on. Measured on Ceph 16, which deletes one object of a request after the other: 500 in one
 * request took 1.9 s, in four at once 1.1 s.
 */
const lotMax = 250;
/** What the store's clock and ours may differ by. */
const skewMs = 60_000;

/** What was found of one name, and what became of it. */
type Fate = { found: boolean; failure: AppError | undefined; locks: (Date | null)[] };

/**
 * Removes every version, delete marker and unfinished upload of these names, one outcome each.
 *
 * Uploads go first: one that is completed in that moment has left a version by the time versions are looked for. Versions
 * are deleted by their ids, whether the bucket keeps versions or not, so that a delete never leaves a marker.
 */
export async function eraseNames(
  bucket: S3Bucket,
  clock: Clock,
  names: readonly BlobName[],
): Promise<Map<BlobName, EraseOutcome>> {
  const fates = new Map<BlobName, Fate>(names.map((name) => [name, { found: false, failure: undefined, locks: [] }]));
  const everyone = [...fates.keys()].sort();
  const failure = await failureOf(async () => {
    await discardUploads(bucket, await uploadsOf(bucket, 'erase', everyone), fates);
  });
  // What cannot be looked for cannot be called erased; the rest of it may go all the same.
  if (failure !== undefined) for (const name of everyone) failed(fates, name, failure);
  await inLanes(lotsOf(everyone, lotMax), (lot) => eraseVersions(bucket, clock, lot, fates));
  return new Map([...fates].map(([name, fate]) => [name, outcomeOf(fate)]));
}

async function discardUploads(
  bucket: S3Bucket,
  uploads: ReadonlyMap<BlobName, readonly S3Upload[]>,
  fates: Map<BlobName, Fate>,
): Promise<void> {
  await inLanes(uploads, async ([name, mine]) => {
    found(fates, name);
    for (const upload of mine) {
      const failure = await failureOf(async () => {
        await discardUpload(bucket, `erase ${name}`, upload);
      });
      if (failure !== undefined) failed(fates, name, failure);
    }
  });
}

async function eraseVersions(
  bucket: S3Bucket,
  clock: Clock,
  names: readonly BlobName[],
  fates: Map<BlobName, Fate>,
): Promise<void> {
  const failure = await failureOf(async () => {
    const versions = await versionsOf(
      bucket,
      'erase',
      names.map((name) => bucket.keyOf(name)),
    );
    for (const name of names) if (versions.has(bucket.keyOf(name))) found(fates, name);
    for (const batch of lotsOf([...versions.values()].flat(), batchMax)) await deleteBatch(bucket, clock, batch, fates);
  });
  if (failure !== undefined) for (const name of names) failed(fates, name, failure);
}

async function deleteBatch(
  bucket: S3Bucket,
  clock: Clock,
  batch: readonly S3Version[],
  fates: Map<BlobName, Fate>,
): Promise<void> {
  const refusals = await deleteVersions(bucket, 'erase', batch);
  await inLanes(refusals, async ([version, code]) => {
    const name = version.key.slice(bucket.prefix.length);
    const failure = await failureOf(async () => {
      const lock = await lockOf(bucket, clock, version, name);
      if (lock === undefined) throw blobFailed(`erase ${name}: S3 ${code}`);
      fates.get(name)?.locks.push(lock.until);
    });
    if (failure !== undefined) failed(fates, name, failure);
  });
}

/**
 * Deletes up to 1,000 versions in one request. Returns those that are still there, each with what the store said of it.
 * Throws `blob_failed` where it did not take the request.
 */
export async function deleteVersions(
  bucket: S3Bucket,
  what: string,
  batch: readonly S3Version[],
): Promise<Map<S3Version, string>> {
  if (batch.length === 0) return new Map();
  const Objects = batch.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
  const request = bucket.s3.deleteObjects({ Bucket: bucket.bucket, Delete: { Objects } });
  const { Deleted = [], Errors = [] } = await answered(what, 's3:DeleteObject', request);
  const idOf = (key = '', versionId = 'null') => `${key} ${versionId}`;
  const gone = new Set(Deleted.map(({ Key, VersionId }) => idOf(Key, VersionId)));
  const codes = new Map(Errors.map(({ Key, VersionId, Code }) => [idOf(Key, VersionId), wordFor(Code)]));
  const left = new Map<S3Version, string>();
  for (const version of batch) {
    const id = idOf(version.key, version.versionId);
    // Silence about one of them is no success.
    const code = codes.get(id) ?? (gone.has(id) ? undefined : 'gave no answer');
    if (code !== undefined && code !== 'NoSuchVersion') left.set(version, code);
  }
  return left;
}

/** What holds a version that could not be deleted: until then, or null for a legal hold; undefined when nothing does. */
async function lockOf(
  bucket: S3Bucket,
  clock: Clock,
  { key, versionId, isMarker }: S3Version,
  name: BlobName,
): Promise<{ until: Date | null } | undefined> {
  if (isMarker) return undefined;
  const request = bucket.s3.headObject({ Bucket: bucket.bucket, Key: key, VersionId: versionId });
  const held = await answeredIfThere(`erase ${name}`, 's3:GetObjectVersion', request);
  if (held?.ObjectLockLegalHoldStatus === 'ON') return { until: null };
  const until = held?.ObjectLockRetainUntilDate;
  // One that has long ended is not what keeps the version there.
  return until !== undefined && until.getTime() > clock.now() - skewMs ? { until } : undefined;
}

function wordFor(code = 'Error'): string {
  const word = /^[A-Za-z0-9]{1,64}$/.test(code) ? code : 'Error';
  return word === 'AccessDenied' ? `${word}: needs s3:DeleteObjectVersion` : word;
}

function outcomeOf({ found: wasThere, failure, locks }: Fate): EraseOutcome {
  if (failure !== undefined) return { kind: 'failed', error: failure };
  if (locks.length > 0) return { kind: 'locked', until: latestOf(locks) };
  return { kind: wasThere ? 'erased' : 'absent' };
}

/** When the last of them ends; null when one of them has no end. */
function latestOf(locks: readonly (Date | null)[]): Date | null {
  const dates = locks.filter((until) => until !== null);
  return dates.length < locks.length ? null : new Date(Math.max(...dates.map((until) => until.getTime())));
}

function found(fates: Map<BlobName, Fate>, name: BlobName): void {
  const fate = fates.get(name);
  if (fate !== undefined) fate.found = true;
}

/** The first failure is the one that is told. */
function failed(fates: Map<BlobName, Fate>, name: BlobName, failure: AppError): void {
  const fate = fates.get(name);
  if (fate !== undefined) fate.failure ??= failure;
}

async function failureOf(work: () => Promise<void>): Promise<AppError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** The same items in lots of at most so many. */
export function lotsOf<T>(items: readonly T[], most: number): T[][] {
  const lots: T[][] = [];
  for (let from = 0; from < items.length; from += most) lots.push(items.slice(from, from + most));
  return lots;
}
