/** An archive with thousands of calls of one customer on PostgreSQL and S3: built once, copied for each fault. */
import { randomBytes, randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkLoader } from '../../bench/lib/bulk-loader.ts';
import { CopySink } from '../../bench/scale/copy-sink.ts';
import type { NewCredentials } from '../../src/engine/access/clients.ts';
import { archive as archiveCall, callerOf, type LifeCall, lifeEnv } from '../crash/life.ts';
import { startApp } from '../support/harness.ts';
import { OwnPostgres } from '../support/own-postgres.ts';
import { adminQuery, newDatabase, type TestDatabase } from '../support/postgres.ts';
import { newBucket, type S3Server, type TestBucket } from '../support/s3-server.ts';
import { type Objects, type Prefix, putObjects, takeObjects } from './object-copies.ts';

export const calls = 20_000;
export const recordings = 500;
export const phone = '+15125551234';
const recordingBytes = 600;

/** Calls of somebody else, who must never notice anything. */
export const bystanders: readonly LifeCall[] = [
  { session: 'bystander', phone: '+15125559999', bytes: 70_000, hasTranscript: true },
  { session: 'bystanding chat', phone: '+15125559998', bytes: 0, hasTranscript: true },
];

/** A copy of the seed that nobody else has. */
export type Copy = {
  folder: string;
  database: TestDatabase;
  objects: Prefix;
  credentials: NewCredentials;
  /** Settings of a process that works on it, its objects reached by way of `endpoint`. */
  env(endpoint: string): Record<string, string>;
  /** One of the recordings that are to go: forbids that it is deleted, and allows it again. */
  oneRecording(): Promise<{ deny(): Promise<unknown>; allow(): Promise<unknown> }>;
  remove(): Promise<void>;
};

export class PurgeSeed {
  readonly postgres: OwnPostgres;
  readonly s3: S3Server;
  readonly #bucket: TestBucket;
  readonly #template: TestDatabase;
  readonly #folder: string;
  readonly #objects: Objects;
  readonly #credentials: NewCredentials;

  /** Starts a PostgreSQL server of its own, and archives everything. */
  static async plant(s3: S3Server): Promise<PurgeSeed> {
    const postgres = await OwnPostgres.start();
    const bucket = await newBucket(s3, { versioned: true, lock: true });
    const template = await newDatabase(postgres);
    const folder = await mkdtemp(join(tmpdir(), 'tacet-purge-seed-'));
    const objects = { s3: bucket.s3, bucket: bucket.place.bucket, prefix: 'seed/' };
    const env = lifeEnv(folder, placesEnv(s3, template, objects, s3.endpoint));
    const { tenant, client, engine, close } = await startApp({ folder, env, workers: 0 });
    const sink = await CopySink.open(template.url, { tenant, blobs: engine.blobs });
    await new BulkLoader(engine, tenant, sink).load(plannedCalls());
    await sink.close();
    for (const call of bystanders) await archiveCall(engine, callerOf(tenant), call);
    await close();
    // As the server does by itself for whoever has lived for a while: without it statements are planned for empty tables.
    await adminQuery(template, 'VACUUM (ANALYZE)');
    return new PurgeSeed({ postgres, s3, bucket, template, folder, objects: await takeObjects(objects), client });
  }

  private constructor(of: {
    postgres: OwnPostgres;
    s3: S3Server;
    bucket: TestBucket;
    template: TestDatabase;
    folder: string;
    objects: Objects;
    client: NewCredentials;
  }) {
    this.postgres = of.postgres;
    this.s3 = of.s3;
    this.#bucket = of.bucket;
    this.#template = of.template;
    this.#folder = of.folder;
    this.#objects = of.objects;
    this.#credentials = of.client;
  }

  async copy(): Promise<Copy> {
    const objects = { s3: this.#bucket.s3, bucket: this.#bucket.place.bucket, prefix: `${randomUUID()}/` };
    const folder = await mkdtemp(join(tmpdir(), 'tacet-purge-copy-'));
    const template = new URL(this.#template.url).pathname.slice(1);
    const [database] = await Promise.all([
      newDatabase(this.postgres, { template }),
      putObjects(objects, this.#objects),
      cp(this.#folder, folder, { recursive: true }),
    ]);
    return {
      ...{ folder, database, objects, credentials: this.#credentials },
      env: (endpoint) => lifeEnv(folder, placesEnv(this.s3, database, objects, endpoint)),
      oneRecording: async () => await oneRecordingOf(database, objects),
      remove: async () => {
        await database.remove();
        await rm(folder, { recursive: true, force: true });
      },
    };
  }

  async remove(): Promise<void> {
    await this.#bucket.remove();
    await this.postgres.remove();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** By a policy of the bucket, which is how somebody else would do it. */
async function oneRecordingOf(database: TestDatabase, { s3, bucket: Bucket, prefix }: Prefix) {
  const [row] = await adminQuery(
    database,
    'SELECT blob FROM artifact WHERE blob IS NOT NULL ORDER BY owner_id LIMIT 1',
  );
  const Resource = [`arn:aws:s3:::${Bucket}/${prefix}${String(row?.['blob'])}`];
  const Action = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
  const Statement = [{ Effect: 'Deny', Principal: { AWS: ['*'] }, Action, Resource }];
  return {
    deny: async () =>
      await s3.putBucketPolicy({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }),
    allow: async () => await s3.deleteBucketPolicy({ Bucket }),
  };
}

/** Those with a recording lie evenly among the others. */
function plannedCalls() {
  const every = calls / recordings;
  return Array.from({ length: calls }, (_, i) => ({
    sessionId: `purged ${i}`,
    phone,
    startedAt: 1_750_000_000_000 + i * 1000,
    recording: i % every === 0 ? randomBytes(recordingBytes) : null,
  }));
}

function placesEnv(s3: S3Server, database: TestDatabase, { bucket, prefix }: Prefix, endpoint: string) {
  const options = new URLSearchParams({ endpoint, region: 'us-east-1', pathStyle: 'true' });
  return {
    TACET_DATABASE_URL: database.url,
    TACET_BLOBS_URL: `s3://${bucket}/${prefix}?${options}`,
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
  };
}
