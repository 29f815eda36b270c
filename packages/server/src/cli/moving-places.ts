import type { Config } from '../config.ts';
import { type BlobsPlace, type DatabasePlace, parseBlobsUrl, parseDatabaseUrl } from '../config-places.ts';
import { AppError } from '../model/errors.ts';

/** Where an archive is to go, in the words of TACET_DATABASE_URL and TACET_BLOBS_URL. */
export type MoveTarget = { toDatabase?: string; toBlobs?: string };

/**
 * The configuration that an archive has once it has moved: the one it has now, but for its places. Throws `input_invalid` for
 * a target that is none.
 */
export function movedConfig(from: Config, { toDatabase, toBlobs }: MoveTarget): Config {
  if (toDatabase === undefined) {
    const message = toBlobs === undefined ? 'Say where to: --to-database URL, --to-blobs URL' : blobsAlone;
    throw new AppError('input_invalid', { message });
  }
  const database = parsed('--to-database', () => parseDatabaseUrl(toDatabase));
  if (database.kind !== 'postgres') throw invalid('--to-database: an archive moves to PostgreSQL');
  if (from.database.kind === 'postgres' && from.database.url === database.url) {
    throw invalid('--to-database: the archive is there already');
  }
  return { ...from, database, blobsAt: toBlobs === undefined ? from.blobsAt : movedBlobs(from.blobsAt, toBlobs) };
}

const blobsAlone =
  'Recordings move with their database, which is what closes the old place: give --to-database too, for example another database of the same server';

function movedBlobs(from: BlobsPlace, toBlobs: string): BlobsPlace {
  const to = parsed('--to-blobs', () => parseBlobsUrl(toBlobs));
  if (to.kind !== 's3') throw invalid('--to-blobs: recordings move to S3');
  const isSame = from.kind === 's3' && nameOfBlobs(from) === nameOfBlobs(to) && from.endpoint === to.endpoint;
  if (isSame) throw invalid('--to-blobs: the recordings are there already; leave it out');
  return to;
}

/** Where an archive is, as an operator knows it; never with credentials. */
export function nameOf({ database, blobsAt }: Pick<Config, 'database' | 'blobsAt'>): string {
  return `${nameOfDatabase(database)} and ${nameOfBlobs(blobsAt)}`;
}

function nameOfDatabase(database: DatabasePlace): string {
  if (database.kind === 'sqlite') return 'SQLite';
  const { host, pathname } = new URL(database.url);
  return `postgres://${host}${pathname}`;
}

function nameOfBlobs(blobsAt: BlobsPlace): string {
  return blobsAt.kind === 'files' ? 'files' : `s3://${blobsAt.bucket}/${blobsAt.prefix}`;
}

/** An address as a setting, the password left out: what a command prints is kept in logs. */
export function withoutPassword(address: string): string {
  const url = new URL(address);
  if (url.password !== '') url.password = 'PASSWORD';
  url.searchParams.delete('password');
  return url.href;
}

function parsed<T>(option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw invalid(`${option} ${error instanceof Error ? error.message : 'is not usable'}`);
  }
}

function invalid(message: string): AppError {
  return new AppError('input_invalid', { message });
}
