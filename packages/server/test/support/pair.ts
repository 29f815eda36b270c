/**
 * Which pair of database and blob store the archives of tests stand on: the embedded one, or PostgreSQL and S3 where
 * `TACET_TEST_PAIR` says `scale`. The same tests run on both.
 */
import type { S3Place } from '../../src/blobs/s3-bucket.ts';
import { newDatabase, type PostgresServer, postgresServer } from './postgres.ts';
import { newBucket, type S3Server, s3Server, type TestBucket } from './s3-server.ts';

type Pair = 'embedded' | 'scale';

/** The pair that this run of the tests is about. */
const pair: Pair = process.env['TACET_TEST_PAIR'] === 'scale' ? 'scale' : 'embedded';

/** Settings that put an archive on the pair, and how to remove what it had there. */
export type Places = { env: Record<string, string>; remove(): Promise<void> };

/** Places whose bucket can be looked into. */
export type ScalePlaces = Places & { bucket: TestBucket };

/** An archive that a test opens more than once, or by several processes, has the same places each time. */
const placesByFolder = new Map<string, Promise<Places>>();

/** The places of the archive whose home and vault are in this folder. */
export async function placesIn(folder: string): Promise<Places> {
  if (pair === 'embedded') return { env: {}, remove: async () => undefined };
  const places = placesByFolder.get(folder) ?? scalePlaces(scaleServers());
  placesByFolder.set(folder, places);
  return await places;
}

/** A database and a bucket, versioned and with object lock, that nobody else has. */
export async function scalePlaces(servers: { postgres: PostgresServer; s3: S3Server }): Promise<ScalePlaces> {
  const { postgres, s3 } = servers;
  const [database, bucket] = await Promise.all([newDatabase(postgres), newBucket(s3, { versioned: true, lock: true })]);
  return {
    bucket,
    env: {
      TACET_DATABASE_URL: database.url,
      TACET_BLOBS_URL: urlOf(bucket.place),
      AWS_ACCESS_KEY_ID: s3.accessKey,
      AWS_SECRET_ACCESS_KEY: s3.secretKey,
    },
    remove: async () => {
      await database.remove();
      await bucket.remove();
    },
  };
}

function scaleServers(): { postgres: PostgresServer; s3: S3Server } {
  const [postgres, s3] = [postgresServer(), s3Server()];
  if (postgres !== undefined && s3 !== undefined) return { postgres, s3 };
  throw new Error('no PostgreSQL and S3 servers; start them: eval "$(scripts/test-servers start)"');
}

/** The place as `TACET_BLOBS_URL` has it. */
function urlOf({ bucket, prefix, endpoint, region, pathStyle, sse }: S3Place): string {
  const asked = new URLSearchParams({ region, pathStyle: String(pathStyle) });
  if (endpoint !== null) asked.set('endpoint', endpoint);
  if (sse !== null) asked.set('sse', sse);
  return `s3://${bucket}/${prefix}?${asked}`;
}
