// An archive in a throw-away folder, run by `bin/tacet` as an operator would run it.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { access, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { filesBelow, piecesOfFiles } from './raw-bytes.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const tacet = join(root, 'bin/tacet');
const startMsMax = 20_000;

/**
 * Home, vault and logs in one new folder, and at scale a new database and a new bucket. Nothing else is read or written, and
 * `remove` ends every process that was started here (and no other) before it deletes all of it.
 */
export class ThrowAwayArchive {
  #children = new Set();
  /** Servers first, in the order in which they were started. */
  #fleet = [];
  #removed;
  /** How long a backup opens, for every process started from now on. With zero an old copy is dead at once. */
  horizon = '0';

  constructor(folder, storage) {
    this.folder = folder;
    this.storage = storage;
    this.home = join(folder, 'home');
    this.vault = join(folder, 'home-keys');
    this.logs = join(folder, 'logs');
  }

  static async make({ isAtScale }) {
    await access(join(root, 'packages/server/dist/main.js')).catch(() => {
      throw new Error('not built yet; run: npm run demo');
    });
    // Loaded only now: these import the built server, and a missing build should be told in one line.
    const { EmbeddedStorage } = await import('./embedded-storage.mjs');
    const { ScaleStorage } = await import('./scale-storage.mjs');
    const folder = await mkdtemp(join(tmpdir(), 'tacet-demo-'));
    const storage = isAtScale ? await ScaleStorage.make() : new EmbeddedStorage(join(folder, 'home'));
    const archive = new ThrowAwayArchive(folder, storage);
    await mkdir(archive.logs);
    return archive;
  }

  /** Runs one command with `--json`. Answers with its exit code and its document. */
  async command(...args) {
    const { code, text } = await this.#run([...args, '--json']);
    try {
      return { code, answer: JSON.parse(text) };
    } catch {
      throw new Error(`tacet ${args.join(' ')} ended with ${code} and no document\n${await this.lastLogLines()}`);
    }
  }

  /** The exit code of a command that is expected to refuse. */
  async exitCodeOf(...args) {
    return (await this.#run(args)).code;
  }

  /** Copies everything as it is now: what the storage holds, and the vault, which must never lie beside such a copy. */
  async copy(name) {
    const vault = join(this.folder, 'copies', `${name}-vault`);
    const stored = await this.storage.copyTo(join(this.folder, 'copies', name));
    await cp(this.vault, vault, { recursive: true });
    return { stored, vault };
  }

  /** All that was ever written down, as pieces to search: by the storage and in the vault, and (if asked) in logs. */
  async pieces({ withLogs }) {
    const files = await filesBelow(this.vault, ...(withLogs ? [this.logs] : []));
    return [...(await this.storage.pieces()), ...piecesOfFiles(files)];
  }

  /** Starts the servers, on free ports, and the workers. Answers with their addresses and the process ids once they accept. */
  async serve() {
    const { servers, workers } = this.storage.fleet;
    const bases = [];
    for (let i = 0; i < servers; i += 1) bases.push(await this.#serveOne());
    for (let i = 0; i < workers; i += 1) this.#startLogged('work');
    return { base: bases[0], bases, pids: this.#fleet.map(({ pid }) => pid) };
  }

  /** Starts one server. Answers with its address. */
  async #serveOne() {
    const before = (await this.#saidByServer()).length;
    const server = this.#startLogged('serve');
    let hasEnded = false;
    void server.ended.then(() => {
      hasEnded = true;
    });
    for (const deadline = Date.now() + startMsMax; Date.now() < deadline && !hasEnded; await pause(20)) {
      const said = (await this.#saidByServer()).slice(before);
      const base = /^listening on (http:\S+)$/m.exec(said)?.[1];
      if (base !== undefined) return base;
    }
    throw new Error(`the server did not start\n${await this.lastLogLines()}`);
  }

  #startLogged(command) {
    const files = ['server.out', 'server.log'].map((name) => openSync(join(this.logs, name), 'a'));
    // Detached, so that Ctrl-C reaches it only through us, and so that it can stay up after us.
    const child = this.#spawn([command], ['ignore', ...files], { detached: true });
    for (const file of files) closeSync(file);
    this.#fleet.push(child);
    return child;
  }

  /** Ends servers and workers: in order by SIGTERM, or at once and in the middle of whatever they do by SIGKILL. */
  async endServers(signal) {
    const fleet = this.#fleet.splice(0);
    for (const child of fleet) child.kill(signal);
    await Promise.all(fleet.map((child) => child.ended));
  }

  /** What the operator would look at first when something failed. */
  async lastLogLines() {
    const read = async (name) => await readFile(join(this.logs, name), 'utf8').catch(() => '');
    const lines = (await Promise.all(['server.log', 'commands.log'].map(read))).flatMap((text) =>
      text.trimEnd().split('\n').slice(-10),
    );
    return lines.filter((line) => line !== '').join('\n');
  }

  /** Lets servers and workers live on after this process. */
  letGo() {
    for (const child of this.#fleet) child.unref();
    this.#children.clear();
  }

  async remove() {
    this.#removed ??= this.#remove();
    await this.#removed;
  }

  async #remove() {
    for (const child of this.#children) child.kill('SIGTERM');
    await Promise.all([...this.#children].map((child) => child.ended));
    await this.storage.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #saidByServer() {
    return await readFile(join(this.logs, 'server.out'), 'utf8').catch(() => '');
  }

  async #run(args) {
    const log = openSync(join(this.logs, 'commands.log'), 'a');
    const child = this.#spawn(args, ['ignore', 'pipe', log]);
    closeSync(log);
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
    return { code: await child.ended, text };
  }

  #spawn(args, stdio, options = {}) {
    if (this.#removed !== undefined) throw new Error('interrupted');
    const child = spawn(tacet, args, { ...options, stdio, env: this.#environment() });
    child.ended = new Promise((resolve) => {
      child.once('error', () => resolve(-1));
      child.once('exit', (code) => resolve(code));
    });
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }

  /** Ours and nobody else's: a setting of this shell must not move the demo to an archive that somebody uses. */
  #environment() {
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('TACET_'));
    return {
      ...Object.fromEntries(others),
      TACET_HOME: this.home,
      TACET_KEYS_DIR: this.vault,
      TACET_LISTEN: '127.0.0.1:0',
      TACET_BACKUP_HORIZON: this.horizon,
      ...this.storage.environment,
    };
  }
}
