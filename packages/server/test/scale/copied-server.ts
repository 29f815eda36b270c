/** The files of a PostgreSQL server on this machine: what stands in them, and a copy of them that starts. */
import { execFile } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TakenFile } from '../seized/loot.ts';
import { adminQuery, type PostgresServer } from '../support/postgres.ts';

const execute = promisify(execFile);
const script = fileURLToPath(new URL('../../../../scripts/postgres', import.meta.url));

/** When each file was last written, by path. */
export type FileTimes = ReadonlyMap<string, number>;

/** Tables, indexes, write-ahead log and all else of the server's data folder. */
export async function dataFolderOf(server: PostgresServer): Promise<string> {
  return await shown(server, "SELECT current_setting('data_directory') AS text");
}

/** Writes to the files what the server has in memory. */
export async function writeOut(server: PostgresServer): Promise<void> {
  await adminQuery(server, 'CHECKPOINT');
}

/** What the folder's files are like now, for `filesChangedSince`. */
export function fileTimes(folder: string): FileTimes {
  return new Map(pathsIn(folder).map((path) => [path, lstatSync(path).mtimeMs]));
}

/** The files of the folder that are not as they were. What is there may come and go meanwhile. */
export function filesChangedSince(folder: string, before: FileTimes): TakenFile[] {
  return pathsIn(folder).flatMap((path) => {
    const time = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return time === undefined || time === before.get(path) ? [] : readIfThere(path);
  });
}

function pathsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function readIfThere(path: string): TakenFile[] {
  try {
    return [{ path, bytes: readFileSync(path) }];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** A segment of the log is made of zeros before it is written: most of what there would be to search. */
export function withoutZerosBehind(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

/** A copy of a whole server, taken while it runs, as a base backup is. It starts as a server of its own, by the same account. */
export class CopiedServer {
  readonly #folder: string;
  readonly #original: PostgresServer;

  private constructor(folder: string, original: PostgresServer) {
    this.#folder = folder;
    this.#original = original;
  }

  static async of(server: PostgresServer): Promise<CopiedServer> {
    const parent = await mkdtemp(join(tmpdir(), 'tacet-copied-postgres-'));
    await execute('chmod', ['711', parent]);
    const folder = join(parent, 'server');
    for (const part of ['log', 'run']) await mkdir(join(folder, part), { recursive: true });
    const programs = await shown(server, "SELECT setting AS text FROM pg_config WHERE name = 'BINDIR'");
    const data = join(folder, 'data');
    await execute(join(programs, 'pg_basebackup'), ['-d', server.url, '-D', data, '-X', 'stream', '-c', 'fast']);
    const owner = lstatSync(await dataFolderOf(server));
    await execute('chown', ['-R', `${owner.uid}:${owner.gid}`, folder]);
    return new CopiedServer(folder, server);
  }

  /** Starts it beside the original, on a socket of its own: no port may be in its way. */
  async start(): Promise<PostgresServer> {
    const sockets = join(this.#folder, 'run');
    const url = new URL(this.#original.url);
    url.searchParams.set('host', sockets);
    // Of two lines that say the same the last one counts.
    const lines = `listen_addresses = ''\nunix_socket_directories = '${sockets}'\n`;
    await appendFile(join(this.#folder, 'data', 'postgresql.conf'), lines);
    await writeFile(join(this.#folder, 'url'), `${url.href}\n`);
    await writeFile(join(this.#folder, '.tacet-postgres'), '');
    await execute(script, ['again', this.#folder]);
    return { url: url.href };
  }

  async remove(): Promise<void> {
    await execute(script, ['remove', this.#folder]);
    await rm(join(this.#folder, '..'), { recursive: true, force: true });
  }
}

async function shown(server: PostgresServer, sql: string): Promise<string> {
  const [row] = await adminQuery(server, sql);
  return String(row?.['text']);
}
