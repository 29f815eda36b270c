/** A machine with an archive on it that real processes wrote, and copies of its home as they were at many moments. */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createClient } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { silentLog } from '../../src/lib/log.ts';
import { scopes } from '../../src/model/tenant.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';
import { type TakenFile, takeFolder } from './loot.ts';

const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder with a home, its vault beside it, and what is copied out of them. */
export class Machine {
  readonly folder = mkdtempSync(join(root, 'tacet-seized-'));
  readonly home = join(this.folder, 'home');
  readonly vault = `${this.home}-keys`;
  readonly env: Record<string, string>;
  /** Calls by session. */
  readonly callIds = new Map<string, string>();
  /** What every process has said. */
  readonly said: string[] = [];
  #credentials = '';
  #copies = 0;
  #served: TacetProcess | undefined;

  constructor(env: Record<string, string> = {}) {
    this.env = { TACET_HOME: this.home, TACET_LISTEN: '127.0.0.1:0', ...env };
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** From now on every process has these settings too; undefined takes one away. */
  set(name: string, value: string | undefined): void {
    if (value === undefined) delete this.env[name];
    else this.env[name] = value;
  }

  /** `tacet ARGS` to its end. */
  async run(args: readonly string[], env: Record<string, string> = {}) {
    const ended = await startTacet(args, { ...this.env, ...env }).ended;
    this.said.push(ended.output, ended.errors);
    return ended;
  }

  /** The same for a command that must succeed; answers its JSON. */
  async json(args: readonly string[], env: Record<string, string> = {}): Promise<unknown> {
    const { code, output, errors } = await this.run([...args, '--json'], env);
    expect(code, errors).toBe(0);
    return JSON.parse(output);
  }

  /** A tenant and a client, made here; the archive is closed again before another process opens it. */
  async found(): Promise<void> {
    const app = await openApp(readConfig(this.env), { log: silentLog });
    try {
      await app.prepare();
      const tenant = await createTenant(app.engine, { slug: 'one', region: 'US' });
      const made = await createClient(app.engine, tenant, { scopes: [...scopes], actor: operator });
      const asked = { grant_type: 'client_credentials', client_id: made.clientId, client_secret: made.clientSecret };
      this.#credentials = new URLSearchParams(asked).toString();
    } finally {
      await app.close();
    }
  }

  /** Starts the server and logs in. */
  async serve(env: Record<string, string> = {}): Promise<CreovaiClient> {
    this.#served = startTacet(['serve'], { ...this.env, ...env });
    const url = await this.#served.listening;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await fetch(`${url}/Token`, { method: 'POST', headers, body: this.#credentials });
    expect(answer.status).toBe(200);
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return new CreovaiClient(url, token);
  }

  /** The power goes. */
  async kill(): Promise<void> {
    this.#served?.child.kill('SIGKILL');
    await this.untilDead();
  }

  /** Resolves when the server has ended, whatever ended it. */
  async untilDead(): Promise<void> {
    const ended = await this.#served?.ended;
    if (ended !== undefined) this.said.push(ended.output, ended.errors);
    this.#served = undefined;
  }

  /** Archives calls, each with a phone number of its own. */
  async archive(client: CreovaiClient, ...sessions: string[]): Promise<void> {
    for (const session of sessions) {
      const phone = `+1512555${String(1000 + this.callIds.size)}`;
      const { status, callId } = await client.archive(session, phone, randomBytes(600));
      expect({ session, status }).toEqual({ session, status: 200 });
      this.callIds.set(session, callId ?? '');
    }
  }

  /**
   * Purges calls and waits until a seal that began after their shredding is finished, and everything else is done. The
   * home is copied between, while that seal may be still to come, and after.
   */
  async purge(client: CreovaiClient, ...sessions: string[]): Promise<void> {
    await client.purge('/sessions', { ids: sessions });
    await this.copyHome();
    for (const session of sessions) await until(async () => (await client.status(session)) === 'NotFound');
    await this.copyHome();
  }

  /** Copies the home as it is at one instant, whatever stands in its logs; the attacker gets the copy. */
  async copyHome(): Promise<void> {
    const child = this.#served?.child;
    child?.kill('SIGSTOP');
    if (child?.pid !== undefined) await until(async () => stateOf(child.pid) === 'T');
    this.#copies += 1;
    cpSync(this.home, this.at('older', `home-${this.#copies}`), { recursive: true });
    child?.kill('SIGCONT');
  }

  idOf(session: string): string {
    const id = this.callIds.get(session);
    if (id === undefined) throw new Error('it was never archived');
    return id;
  }

  /** What the attacker gets with the machine, older copies of the home and backups included; of vaults only today's. */
  seize(): TakenFile[] {
    const settings = Object.entries(this.env).map(([name, value]) => `${name}=${value}\n`);
    const folders = ['home', 'home-keys', 'secrets', 'older', 'backups'].map((name) => this.at(name));
    const files = folders.filter((folder) => existsSync(folder)).flatMap(takeFolder);
    return [{ path: 'environment', bytes: Buffer.from(settings.join('')) }, ...files];
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One letter of what a process does: `T` is stopped. */
function stateOf(pid: number | undefined): string | undefined {
  return /^\d+ \(.*\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
}

/** A master key as an operator keeps one: in a file on the machine, outside home and vault. Set for every process. */
export function setMasterKey(machine: Machine): Buffer {
  const key = randomBytes(32);
  mkdirSync(machine.at('secrets'));
  writeFileSync(machine.at('secrets', 'master-key'), key, { mode: 0o600 });
  machine.set('TACET_MASTER_KEY_FILE', machine.at('secrets', 'master-key'));
  return key;
}
