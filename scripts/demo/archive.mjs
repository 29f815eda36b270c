// An archive in a throw-away folder, run by `bin/tacet` as an operator would run it.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const tacet = join(root, 'bin/tacet');
const startMsMax = 20_000;

/**
 * Home, vault and logs in one new folder. Nothing outside of it is read or written, and `remove` ends every process that
 * was started here (and no other) before it deletes the folder.
 */
export class ThrowAwayArchive {
  #children = new Set();
  #server;
  #removed;
  /** How long a backup opens, for every process started from now on. With zero an old copy is dead at once. */
  horizon = '0';

  constructor(folder) {
    this.folder = folder;
    this.home = join(folder, 'home');
    this.vault = join(folder, 'home-keys');
    this.logs = join(folder, 'logs');
  }

  static async make() {
    await access(join(root, 'packages/server/dist/main.js')).catch(() => {
      throw new Error('not built yet; run: npm run demo');
    });
    const archive = new ThrowAwayArchive(await mkdtemp(join(tmpdir(), 'tacet-demo-')));
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

  /** Starts the server on a free port. Answers with its address and process id once it accepts. */
  async serve() {
    const before = (await this.#saidByServer()).length;
    const files = ['server.out', 'server.log'].map((name) => openSync(join(this.logs, name), 'a'));
    // Detached, so that Ctrl-C reaches it only through us, and so that it can stay up after us.
    const server = this.#spawn(['serve'], ['ignore', ...files], { detached: true });
    for (const file of files) closeSync(file);
    this.#server = server;
    let hasEnded = false;
    void server.ended.then(() => {
      hasEnded = true;
    });
    for (const deadline = Date.now() + startMsMax; Date.now() < deadline && !hasEnded; await pause(20)) {
      const said = (await this.#saidByServer()).slice(before);
      const base = /^listening on (http:\S+)$/m.exec(said)?.[1];
      if (base !== undefined) return { base, pid: server.pid };
    }
    throw new Error(`the server did not start\n${await this.lastLogLines()}`);
  }

  /** Ends the server: in order by SIGTERM, or at once and in the middle of whatever it does by SIGKILL. */
  async endServer(signal) {
    this.#server.kill(signal);
    await this.#server.ended;
  }

  /** What the operator would look at first when something failed. */
  async lastLogLines() {
    const read = async (name) => await readFile(join(this.logs, name), 'utf8').catch(() => '');
    const lines = (await Promise.all(['server.log', 'commands.log'].map(read))).flatMap((text) =>
      text.trimEnd().split('\n').slice(-10),
    );
    return lines.filter((line) => line !== '').join('\n');
  }

  /** Lets the server live on after this process. */
  letGo() {
    this.#server?.unref();
    this.#children.clear();
  }

  async remove() {
    this.#removed ??= this.#remove();
    await this.#removed;
  }

  async #remove() {
    for (const child of this.#children) child.kill('SIGTERM');
    await Promise.all([...this.#children].map((child) => child.ended));
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
    };
  }
}
