/** A PostgreSQL server that a test has to itself, to stop and to put back from copies: `scripts/postgres` in a folder. */
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../../../scripts/postgres', import.meta.url));

export class OwnPostgres {
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
    this.address = url.replace(/\/postgres$/, '');
    this.dataFolder = join(root, 'server', 'data');
    this.shared = join(root, 'shared');
  }

  static async start(port: number): Promise<OwnPostgres> {
    const root = mkdtempSync(join(tmpdir(), 'tacet-own-postgres-'));
    chmodSync(root, 0o755);
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
