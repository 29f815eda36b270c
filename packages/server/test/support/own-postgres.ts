/** A PostgreSQL server that a test has to itself, to stop, kill and put back from copies: `scripts/postgres` in a folder. */
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PostgresServer } from './postgres.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../../../scripts/postgres', import.meta.url));

/** Below the ports that the system lends to outgoing connections: see `scripts/postgres`. */
const lowestPort = 28_000;
const ports = 4_000;

export class OwnPostgres implements PostgresServer {
  readonly url: string;
  /** `postgres://...`, without a database. */
  readonly address: string;
  /** The folder of its data. */
  readonly dataFolder: string;
  /** A folder that both the server and the test may write to. */
  readonly shared: string;
  readonly #root: string;
  readonly #port: number;

  private constructor(root: string, port: number, url: string) {
    this.#root = root;
    this.#port = port;
    this.url = url;
    this.address = url.replace(/\/postgres$/, '');
    this.dataFolder = join(root, 'server', 'data');
    this.shared = join(root, 'shared');
  }

  /** Starts one, on a port that was free a moment ago if none is named. */
  static async start(wanted?: number): Promise<OwnPostgres> {
    const root = mkdtempSync(join(tmpdir(), 'tacet-own-postgres-'));
    chmodSync(root, 0o755);
    const port = wanted ?? (await freePort());
    const { stdout } = await control('start', root, port);
    const server = new OwnPostgres(root, port, stdout.trim().replace(/^POSTGRES_URL=/, ''));
    mkdirSync(server.shared);
    await server.own(server.shared);
    return server;
  }

  /** Adds lines to its settings, which count from its next start. */
  configure(lines: string): void {
    appendFileSync(join(this.dataFolder, 'postgresql.conf'), `\n${lines}\n`);
  }

  async stop(): Promise<void> {
    await control('stop', this.#root, this.#port);
  }

  /** Kills every process of it, as a crash does. */
  async kill(): Promise<void> {
    await control('kill9', this.#root, this.#port);
  }

  /** Starts it on the data that are there now. */
  async again(): Promise<void> {
    await control('again', this.#root, this.#port);
  }

  /** Gives a folder to the account that the server runs under. */
  async own(folder: string): Promise<void> {
    const { uid, gid } = statSync(join(this.#root, 'server', 'log', 'server.log'));
    await run('chown', ['-R', `${uid}:${gid}`, folder]);
  }

  async remove(): Promise<void> {
    await control('remove', this.#root, this.#port);
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** The server outlives the script, so that nothing of it may hold the script's output open. */
async function control(command: string, root: string, port: number): Promise<{ stdout: string }> {
  return await run(script, [command, join(root, 'server')], { env: { ...process.env, PG_PORT: String(port) } });
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
