import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';

export type S3Server = { endpoint: string; accessKeyId: string; secretAccessKey: string };

const region = 'us-east-1';

/** The most keys that one request may delete. */
export const keysPerDelete = 1000;

/** One version of an object, or a delete marker. */
export type ObjectVersion = { Key: string; VersionId: string };

/** A bucket by the bare client: what people's scripts use. */
export class PlainBucket {
  readonly name: string;
  readonly #server: S3Server;
  readonly #client: S3Client;

  private constructor(server: S3Server, name: string) {
    this.name = name;
    this.#server = server;
    this.#client = new S3Client({ region, endpoint: server.endpoint, forcePathStyle: true, credentials: server });
  }

  /** Makes the bucket, which keeps versions unless it is not to. */
  static async make(server: S3Server, name: string, { isVersioned = true } = {}): Promise<PlainBucket> {
    const bucket = new PlainBucket(server, name);
    await bucket.#client.send(new CreateBucketCommand({ Bucket: name }));
    if (!isVersioned) return bucket;
    const versioned = { Status: 'Enabled' } as const;
    await bucket.#client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: versioned }));
    return bucket;
  }

  /** Settings that put an archive's recordings here. */
  get settings(): Record<string, string> {
    const options = new URLSearchParams({ endpoint: this.#server.endpoint, region, pathStyle: 'true' });
    return { TACET_BLOBS_URL: `s3://${this.name}?${options}` };
  }

  /** Credentials by the names of the environment. */
  get credentials(): Record<string, string> {
    return { AWS_ACCESS_KEY_ID: this.#server.accessKeyId, AWS_SECRET_ACCESS_KEY: this.#server.secretAccessKey };
  }

  async put(key: string, body: Buffer): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: body }));
  }

  /** All versions and delete markers of keys that begin so, a page of 1,000 at a time. */
  async *versions(prefix: string): AsyncGenerator<ObjectVersion[]> {
    let marker: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (marker !== undefined) {
      const page: ListObjectVersionsCommandOutput = await this.#client.send(
        new ListObjectVersionsCommand({ Bucket: this.name, Prefix: prefix, ...marker }),
      );
      const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      yield found.map(({ Key = '', VersionId = '' }) => ({ Key, VersionId }));
      const { NextKeyMarker, NextVersionIdMarker } = page;
      marker = page.IsTruncated
        ? {
            ...(NextKeyMarker !== undefined && { KeyMarker: NextKeyMarker }),
            ...(NextVersionIdMarker !== undefined && { VersionIdMarker: NextVersionIdMarker }),
          }
        : undefined;
    }
  }

  /** Deletes versions, at most `keysPerDelete`. Throws where any is left. */
  async delete(versions: readonly ObjectVersion[]): Promise<void> {
    const Delete = { Objects: [...versions], Quiet: true };
    const { Errors = [] } = await this.#client.send(new DeleteObjectsCommand({ Bucket: this.name, Delete }));
    if (Errors.length > 0) throw new Error(`${Errors.length} objects were not deleted`);
  }

  /** Deletes everything, and the bucket. */
  async remove(): Promise<void> {
    for await (const some of this.versions('')) if (some.length > 0) await this.delete(some);
    await this.#client.send(new DeleteBucketCommand({ Bucket: this.name }));
    this.#client.destroy();
  }
}
