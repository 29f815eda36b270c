/** A PostgreSQL server that only one test file uses, so that it may be killed. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PostgresServer } from '../support/postgres.ts';

const script = fileURLToPath(new URL('../../../../scripts/postgres', import.meta.url));

/** Below the ports that the system lends to outgoing connections: see `scripts/postgres`. */
const lowestPort = 27_000;
const ports = 4_000;

export class OwnPostgres implements PostgresServer {
  readonly url: string;
  readonly #folder: string;

  private constructor(url: string, folder: string) {
    this.url = url;
    this.#folder = folder;
  }

  /** Starts one on a port that was free a moment ago. */
  static async start(): Promise<OwnPostgres> {
    const parent = await mkdtemp(join(tmpdir(), 'tacet-own-postgres-'));
    // As root the server runs as a user of its own, who has to reach it.
    await promisify(execFile)('chmod', ['711', parent]);
    const folder = join(parent, 'server');
    const told = await run('start', folder, { PG_PORT: String(await freePort()) });
    return new OwnPostgres(told.replace(/^POSTGRES_URL=/, ''), folder);
  }

  /** Kills every process of it, as a crash does. */
  async kill(): Promise<void> {
    await run('kill9', this.#folder);
  }

  /** Starts it on the data that it has. */
  async again(): Promise<void> {
    await run('again', this.#folder);
  }

  async remove(): Promise<void> {
    await run('remove', this.#folder);
    await rm(join(this.#folder, '..'), { recursive: true, force: true });
  }
}

async function run(command: string, folder: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(script, [command, folder], { env: { ...process.env, ...env } });
  return stdout.trim();
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * ports);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
