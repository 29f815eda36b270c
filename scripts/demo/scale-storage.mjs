// Where the demo's archive stands with `-- --scale`: a database and a bucket of its own on servers that run already.
import { randomUUID } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Bucket } from '../../packages/server/dist/blobs/s3-bucket.js';
import { endQuietly, newClient } from '../../packages/server/dist/store/postgres-pool.js';
import { statements } from './old-copy.mjs';
import { filesBelow, piecesOfFiles } from './raw-bytes.mjs';

const busyTimeoutMs = 20_000;
const region = 'us-east-1';
const names = ['TACET_TEST_POSTGRES', 'TACET_TEST_S3_ENDPOINT', 'TACET_TEST_S3_ACCESS_KEY', 'TACET_TEST_S3_SECRET_KEY'];

export class ScaleStorage {
  fleet = { servers: 2, workers: 2 };
  words = {
    copied: 'database and bucket',
    copy: 'A copy of database and bucket',
    searched: 'every object version, PostgreSQL',
  };
  #server;
  #database;
  #bucket;
  #madeAt = Date.now();

  /** Makes a new database, and a new bucket with versions and object lock. Throws where the servers are not named. */
  static async make() {
    const [server, endpoint, accessKeyId, secretAccessKey] = names.map((name) => process.env[name]);
    if (!server || !endpoint || !accessKeyId || !secretAccessKey) {
      throw new Error('no PostgreSQL and S3 servers; start them: eval "$(scripts/test-servers start)"');
    }
    const credentials = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    Object.assign(process.env, credentials);
    const storage = new ScaleStorage(server, `tacet-demo-${randomUUID()}`, { endpoint, credentials });
    await storage.#create();
    return storage;
  }

  constructor(server, name, { endpoint, credentials }) {
    const database = new URL(server);
    database.pathname = `/${name.replaceAll('-', '_')}`;
    this.#server = server;
    this.#database = database.href;
    this.#bucket = new S3Bucket({ bucket: name, prefix: '', endpoint, region, pathStyle: true, sse: null });
    const asked = new URLSearchParams({ endpoint, region, pathStyle: 'true' });
    this.environment = {
      TACET_DATABASE_URL: this.#database,
      TACET_BLOBS_URL: `s3://${name}/?${asked}`,
      ...credentials,
    };
  }

  async #create() {
    await rowsOf(this.#server, `CREATE DATABASE "${this.#databaseName}" TEMPLATE template0`);
    const { s3, bucket } = this.#bucket;
    await s3.createBucket({ Bucket: bucket, ObjectLockEnabledForBucket: true });
  }

  get #databaseName() {
    return new URL(this.#database).pathname.slice(1);
  }

  now() {
    return {
      rows: async (sql) => await rowsOf(this.#database, sql),
      recordings: async (blob) => await this.#versionsOf(blob),
    };
  }

  /** Copies into memory what an attacker would look at; no folder is needed. */
  async copyTo() {
    const now = this.now();
    const all = Object.values(statements);
    const rows = new Map(await Promise.all(all.map(async (sql) => [sql, await now.rows(sql)])));
    const blobs = rows.get(statements.artifacts).flatMap(({ blob }) => blob ?? []);
    const recordings = new Map(await Promise.all(blobs.map(async (blob) => [blob, await this.#versionsOf(blob)])));
    return { rows: async (sql) => rows.get(sql), recordings: async (blob) => recordings.get(blob) };
  }

  /** Every version of every object; of PostgreSQL the files of our database and its log of writes, where they can be read. */
  async pieces() {
    const objects = (await this.#versions()).map((version) => ({
      name: `${version.Key} ${version.VersionId}`,
      read: async () => Buffer.concat([Buffer.from(version.Key), await this.#bytesOf(version)]),
    }));
    return [...objects, ...piecesOfFiles(await this.#databaseFiles())];
  }

  async #databaseFiles() {
    const told = "SELECT current_setting('data_directory') AS folder, CAST(oid AS TEXT) AS oid FROM pg_database";
    const [{ folder, oid }] = await rowsOf(this.#database, `${told} WHERE datname = current_database()`);
    const folders = [join(folder, 'base', oid), join(folder, 'pg_wal')];
    try {
      await Promise.all(folders.map(async (one) => await access(one, constants.R_OK)));
    } catch {
      this.words.searched = 'every object version (the files of PostgreSQL are out of reach)';
      return [];
    }
    await rowsOf(this.#database, 'CHECKPOINT');
    const files = await filesBelow(...folders);
    // Others may use the server too: what was last written before our database was made has nothing of ours.
    const times = await Promise.all(files.map(async (file) => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0));
    return files.filter((_, i) => times[i] >= this.#madeAt);
  }

  async #versions(Prefix = '') {
    const { s3, bucket } = this.#bucket;
    const { Versions = [], IsTruncated } = await s3.listObjectVersions({ Bucket: bucket, Prefix });
    if (IsTruncated) throw new Error('the bucket has more versions than this demo makes');
    return Versions;
  }

  async #versionsOf(blob) {
    return await Promise.all((await this.#versions(blob)).map(async (version) => await this.#bytesOf(version)));
  }

  async #bytesOf({ Key, VersionId }) {
    const { s3, bucket } = this.#bucket;
    const { Body } = await s3.getObject({ Bucket: bucket, Key, VersionId });
    return Buffer.from(await Body.transformToByteArray());
  }

  async remove() {
    const { s3, bucket } = this.#bucket;
    await rowsOf(this.#server, `DROP DATABASE IF EXISTS "${this.#databaseName}" WITH (FORCE)`);
    const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket: bucket });
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length > 0) await s3.deleteObjects({ Bucket: bucket, Delete: { Objects } });
    await s3.deleteBucket({ Bucket: bucket });
    this.#bucket.close();
  }
}

async function rowsOf(url, sql) {
  const client = await newClient({ url, busyTimeoutMs });
  try {
    return (await client.query(sql)).rows;
  } finally {
    await endQuietly(client);
  }
}
