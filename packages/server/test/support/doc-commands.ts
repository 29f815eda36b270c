/** Commands of a page of the docs, and a shell in a throw-away folder that runs them as a reader would. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { programOf } from './programs.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/**
 * One command of an `sh` block, under the nearest heading above it and the nearest of the second level, with the exit code
 * that the page states for it (0 where it states none).
 */
export type DocCommand = { chapter: string; section: string; line: number; command: string; exitCode: number };

/**
 * The commands of a page, in its order, each under the nearest heading above it. A command ends with its line, unless a
 * quote is open, a function's brace, or the line ends with a backslash or a pipe. Its exit code is stated by a comment behind it: `# exit code 7`.
 */
export function commandsOf(page: string): DocCommand[] {
  const commands: DocCommand[] = [];
  let [chapter, section] = ['', ''];
  let block: 'sh' | 'other' | undefined;
  let open: string[] = [];
  for (const [i, line] of page.split('\n').entries()) {
    if (line.startsWith('```')) {
      if (open.length > 0) throw new Error(`a quote is still open in line ${i + 1}`);
      const opened = line === '```sh' ? 'sh' : 'other';
      block = block === undefined ? opened : undefined;
    } else if (block === undefined) {
      section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
      chapter = /^## (.*)$/.exec(line)?.[1] ?? chapter;
    } else if (block === 'sh' && line !== '') {
      open.push(line);
      const command = open.join('\n');
      if (isOpen(command)) continue;
      const stated = /\s+# exit code (\d+)$/.exec(command)?.[1];
      commands.push({ chapter, section, line: i + 1, command, exitCode: Number(stated ?? 0) });
      open = [];
    }
  }
  return commands;
}

function isOpen(command: string): boolean {
  const [first = ''] = command.split('\n', 1);
  if (/^\w+\(\) \{$/.test(first)) return !/\n\}$/.test(command);
  return command.split("'").length % 2 === 0 || /(\\|\|)$/.test(command);
}

export type Ran = { code: number | null; output: string; errors: string };

/**
 * A folder that looks like a checkout of Tacet, and a shell in it: what one command sets, the next one finds. `bin/tacet`
 * runs the sources.
 */
export class DocShell {
  readonly folder = mkdtempSync(join(tmpdir(), 'tacet-docs-'));
  /** Of the shell between two commands: its variables and its umask. */
  readonly #state = mkdtempSync(join(tmpdir(), 'tacet-docs-state-'));

  constructor() {
    mkdirSync(join(this.folder, 'bin'));
    const tacet = join(this.folder, 'bin/tacet');
    const main = programOf(new URL('../../src/main.ts', import.meta.url));
    writeFileSync(tacet, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    chmodSync(tacet, 0o755);
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
  }

  async run(command: string): Promise<Ran> {
    const [names, mask] = [join(this.#state, 'names'), join(this.#state, 'umask')];
    const before = existsSync(names) ? `. '${names}'\numask $(cat '${mask}')\n` : '';
    const script = `set -a\n${before}${command}\ncode=$?\nexport -p > '${names}'\numask > '${mask}'\nexit $code\n`;
    const child = spawn('sh', ['-c', script], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await ended, output, errors };
  }

  /** What a variable of the shell holds now; empty where it is not set. */
  async value(name: string): Promise<string> {
    return (await this.run(`printf %s "$${name}"`)).output;
  }

  /** The settings of Tacet that the shell has now. */
  async settings(): Promise<Record<string, string>> {
    const lines = (await this.run('env')).output.split('\n').filter((line) => line.startsWith('TACET_'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  remove(): void {
    for (const folder of [this.folder, this.#state]) rmSync(folder, { recursive: true, force: true });
  }
}

/** The text of a page of the docs. */
export function docPage(name: string): string {
  return readFileSync(join(root, 'docs', name), 'utf8');
}
