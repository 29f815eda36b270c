import { S3 } from '@aws-sdk/client-s3';
import { assertBlobName, type BlobName, isBlobName } from '../model/blob-store.ts';

/** Where in which S3 store the bytes are. Credentials are found as the AWS SDK finds them: environment, files, roles. */
export type S3Place = {
  bucket: string;
  /** Begins every object's key; empty, or ends with a slash. */
  prefix: string;
  /** Null for the one that belongs to the region. */
  endpoint: string | null;
  region: string;
  /** The bucket in the path of an address instead of in its host. */
  pathStyle: boolean;
  /** Encryption that the store is asked for; null leaves it to the bucket. */
  sse: 'AES256' | 'aws:kms' | null;
};

/** What a request may take. Each attempt has all of it. */
export type S3Limits = {
  /** Until there is a connection. */
  connectMs: number;
  /** From the first byte sent to the head of the answer. */
  requestMs: number;
  /** Between two bytes of either. */
  idleMs: number;
  /** Of one request, the first included; between them the SDK backs off. */
  attemptsMax: number;
};

/** Long enough for a part over a slow line; a store that has gone silent is given up within minutes. */
const usualLimits: S3Limits = { connectMs: 5_000, requestMs: 60_000, idleMs: 20_000, attemptsMax: 4 };

/** Connections of one process. A download that its client reads slowly holds one, and must not hold up an erasure. */
const socketsMax = 256;

/** What the SDK has to say of its sockets would go to standard error, between the lines of our own log. */
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

/** One bucket, the way into it, and which of its keys are ours. */
export class S3Bucket {
  readonly s3: S3;
  readonly bucket: string;
  readonly prefix: string;
  readonly limits: S3Limits;
  /** For every request that begins an object. */
  readonly encryption: { ServerSideEncryption?: 'AES256' | 'aws:kms' };

  constructor(place: S3Place, limits: Partial<S3Limits> = {}) {
    this.bucket = place.bucket;
    this.prefix = place.prefix;
    this.limits = { ...usualLimits, ...limits };
    this.encryption = place.sse === null ? {} : { ServerSideEncryption: place.sse };
    const agent = { keepAlive: true, maxSockets: socketsMax };
    this.s3 = new S3({
      region: place.region,
      forcePathStyle: place.pathStyle,
      ...(place.endpoint !== null && { endpoint: place.endpoint }),
      retryMode: 'standard',
      maxAttempts: this.limits.attemptsMax,
      requestHandler: {
        connectionTimeout: this.limits.connectMs,
        requestTimeout: this.limits.requestMs,
        throwOnRequestTimeout: true,
        socketTimeout: this.limits.idleMs,
        httpAgent: agent,
        httpsAgent: agent,
        logger: silent,
      },
      // Asking first costs a connection for each part: the SDK keeps none open that was asked on.
      expectContinueHeader: false,
      // What is sent carries a checksum. What comes back needs none: it is sealed, and a damaged byte does not open.
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  /**
   * The only place where a key is made from a name. Anything but a blob name is a Bug.
   *
   * Keys are names as they are, not spread over folders as files are: names that were made together lie together, so that
   * one listing finds hundreds of them.
   */
  keyOf(name: BlobName): string {
    assertBlobName(name);
    return this.prefix + name;
  }

  /** The blob that an object is of; undefined for anything this store has not put there. */
  nameOf(key: string): BlobName | undefined {
    const name = key.startsWith(this.prefix) ? key.slice(this.prefix.length) : '';
    return isBlobName(name) ? name : undefined;
  }

  close(): void {
    this.s3.destroy();
  }
}
