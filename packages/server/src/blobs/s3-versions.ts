import { blobFailed } from './blob-failure.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { answered } from './s3-failure.ts';
import { sharedPrefix } from './s3-uploads.ts';

/** One version of an object, or a delete marker. In a bucket that never kept versions the one there is, `null`. */
export type S3Version = {
  key: string;
  versionId: string;
  isMarker: boolean;
  /** 0 of a delete marker. */
  sizeBytes: number;
  modifiedAt: Date;
};

type Marker = { KeyMarker?: string; VersionIdMarker?: string };

/** `last` is where the page ends and the next begins; undefined when there is no more. */
type Page = { versions: S3Version[]; last: { key: string; versionId: string | undefined } | undefined };

/** The most that S3 lists at once. */
const pageMax = 1000;
/** Asked for where keys lie far apart: more than the versions of one, and enough to see others that lie near. */
const pageMin = 32;
/**
 * Listed versions per key from which it is cheaper to ask for each key by itself. Measured on Ceph 16 over loopback: a
 * page of 1,000 takes 75 ms, half of it ours, and one key about 2 ms of each side.
 */
const perKeyMax = 20;

/** Every version and delete marker whose key begins so, in the order of keys; the newest first where there are several. */
export async function* listVersions(bucket: S3Bucket, what: string, prefix: string): AsyncGenerator<S3Version> {
  for (let marker: Marker = {}; ; ) {
    const { versions, last } = await listPage(bucket, what, { Prefix: prefix, MaxKeys: pageMax, ...marker });
    yield* versions;
    if (last === undefined) return;
    marker = markerAfter(last);
  }
}

/**
 * Every version and delete marker of these keys, and of no longer key that begins like one. Keys without any are absent.
 *
 * S3 can list what begins with a key, or from a key on, but not several keys. Names lie together as they were made, so a
 * page that begins at one of them is likely to have others: it is asked from each key on that no page has covered yet,
 * and for as many entries as the page before had for each key. Hundreds that lie side by side take one request, and keys
 * far apart one request each, with small answers.
 */
export async function versionsOf(
  bucket: S3Bucket,
  what: string,
  wantedKeys: readonly string[],
): Promise<Map<string, S3Version[]>> {
  const found = new Map<string, S3Version[]>();
  const keys = [...wantedKeys].sort();
  const [first] = keys;
  if (first === undefined) return found;
  const wanted = new Set(keys);
  const prefix = sharedPrefix(keys);
  let marker: Marker = { KeyMarker: justBefore(first) };
  let size = Math.min(pageMax, Math.max(pageMin, keys.length + pageMin));
  for (let at = 0; at < keys.length; ) {
    const { versions, last } = await listPage(bucket, what, { Prefix: prefix, MaxKeys: size, ...marker });
    for (const version of versions.filter(({ key }) => wanted.has(key))) {
      const known = found.get(version.key);
      if (known === undefined) found.set(version.key, [version]);
      else known.push(version);
    }
    if (last === undefined) break;
    const from = at;
    for (let key = keys[at]; key !== undefined && key < last.key; key = keys[at]) at += 1;
    const next = keys[at];
    if (next === undefined) break;
    // In the middle of a key the list goes on where it ended; otherwise at the next key, over all that lies between.
    marker = next > last.key && justBefore(next) > last.key ? { KeyMarker: justBefore(next) } : markerAfter(last);
    const perKey = versions.length / Math.max(1, at - from);
    size = perKey > perKeyMax ? pageMin : Math.min(pageMax, Math.ceil((keys.length - at) * perKey) + pageMin);
  }
  return found;
}

async function listPage(
  bucket: S3Bucket,
  what: string,
  asked: { Prefix: string; MaxKeys: number } & Marker,
): Promise<Page> {
  const request = bucket.s3.listObjectVersions({ Bucket: bucket.bucket, ...asked });
  const page = await answered(what, 's3:ListBucketVersions', request);
  const read = (entry: VersionEntry, isMarker: boolean): S3Version => {
    const { Key: key, VersionId: versionId, LastModified: modifiedAt } = entry;
    if (key === undefined || versionId === undefined) throw blobFailed(`${what}: S3 lists a version without its id`);
    return { key, versionId, isMarker, sizeBytes: entry.Size ?? 0, modifiedAt: modifiedAt ?? new Date(0) };
  };
  const versions = [
    ...(page.Versions ?? []).map((entry) => read(entry, false)),
    ...(page.DeleteMarkers ?? []).map((entry) => read(entry, true)),
  ].sort((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key)));
  if (!page.IsTruncated) return { versions, last: undefined };
  if (page.NextKeyMarker === undefined) throw blobFailed(`${what}: S3 cut a list short`);
  return { versions, last: { key: page.NextKeyMarker, versionId: page.NextVersionIdMarker } };
}

/** What the lists of versions and of delete markers have in common. */
type VersionEntry = {
  Key?: string | undefined;
  VersionId?: string | undefined;
  LastModified?: Date | undefined;
  Size?: number | undefined;
};

function markerAfter({ key, versionId }: { key: string; versionId: string | undefined }): Marker {
  return { KeyMarker: key, ...(versionId !== undefined && { VersionIdMarker: versionId }) };
}

/**
 * A marker after which the key comes first. The key itself will not do: of a marker without a version some stores list the
 * versions of that key again, others skip them.
 *
 * No name has a tilde, which sorts behind all that a name may have.
 */
function justBefore(key: string): string {
  return `${key.slice(0, -1)}${String.fromCharCode(key.charCodeAt(key.length - 1) - 1)}~`;
}
