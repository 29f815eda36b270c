/** The objects of an archive, taken once and put again under another prefix for each case. */
import type { S3 } from '@aws-sdk/client-s3';

/** Where objects are: all whose keys begin so. */
export type Prefix = { s3: S3; bucket: string; prefix: string };

/** What a prefix has, its keys without it. */
export type Objects = ReadonlyMap<string, Uint8Array>;

/** One version, delete marker or unfinished upload. */
export type Left = { name: string; kind: 'version' | 'marker' | 'upload' };

/** Requests under way at a time. */
const lanes = 16;

export async function takeObjects(from: Prefix): Promise<Objects> {
  const objects = new Map<string, Uint8Array>();
  await inLanes(await leftIn(from), async ({ name }) => {
    const { Body } = await from.s3.getObject({ Bucket: from.bucket, Key: from.prefix + name });
    objects.set(name, (await Body?.transformToByteArray()) ?? new Uint8Array());
  });
  return objects;
}

async function inLanes<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

export async function putObjects(to: Prefix, objects: Objects): Promise<void> {
  await inLanes(objects, async ([name, Body]) => {
    await to.s3.putObject({ Bucket: to.bucket, Key: to.prefix + name, Body });
  });
}

/** Everything there is, asked past the product. */
export async function leftIn({ s3, bucket, prefix }: Prefix): Promise<Left[]> {
  const left: Left[] = [];
  const add = (kind: Left['kind'], entries: readonly { Key?: string | undefined }[] = []) => {
    for (const { Key = '' } of entries) left.push({ name: Key.slice(prefix.length), kind });
  };
  const where = { Bucket: bucket, Prefix: prefix };
  for (let marker = {}, isMore = true; isMore; ) {
    const page = await s3.listObjectVersions({ ...where, ...marker });
    add('version', page.Versions);
    add('marker', page.DeleteMarkers);
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    isMore = page.IsTruncated === true;
  }
  // More than a test leaves behind would show as something left all the same.
  add('upload', (await s3.listMultipartUploads(where)).Uploads);
  return left;
}
