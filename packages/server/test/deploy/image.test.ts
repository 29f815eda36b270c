import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { context } from './dockerfile.ts';
import { buildImage, type Image } from './image.ts';
import { endOf, saidBy } from './said-by.ts';

const run = promisify(execFile);

/** What is built and started here shares the machine with all other tests. */
const patience = 300_000;

describe('the image', () => {
  let folder: string;
  let image: Image;

  // npm installs everything anew, as it does for `docker build`.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tacet-image-'));
    await chmod(folder, 0o755);
    image = await buildImage(folder);
  }, patience);
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('has the packages that production needs and no others', async () => {
    const manifest = JSON.parse(await readFile(join(context, 'packages/server/package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const modules = join(image.root, image.workdir, 'node_modules');
    const there = new Set(await readdir(modules, { recursive: true }));
    for (const name of Object.keys(manifest.dependencies)) expect(there).toContain(`${name}/package.json`);
    const forbidden = [...Object.keys(manifest.devDependencies), 'typescript', 'tsx', 'eslint', 'esbuild'];
    expect(forbidden.filter((name) => there.has(`${name}/package.json`))).toEqual([]);
  });

  test('has the compiled server and neither sources nor tests', async () => {
    const files = await readdir(join(image.root, image.workdir, 'packages'), { recursive: true });
    expect(files).toContain('server/dist/main.js');
    expect(files.filter((file) => /\.test\.|(?<!\.d)\.ts$|^server\/(?:src|test|bench)/.test(file))).toEqual([]);
  });

  test('serves, is healthy as long as it does, and ends well on SIGTERM', { timeout: patience }, async () => {
    const { child, url } = await serve();
    const readOf = async (file: string) => await readFile(`/proc/${child.pid}/${file}`, 'utf8');
    expect((await readOf('cmdline')).split('\0')[0]).toBe('node');
    expect(await readOf('limits')).toMatch(/^Max core file size\s+0\s+0\s/m);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await healthAt(url)).toBe(0);
    const ended = endOf(child);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(await healthAt(url)).toBe(1);
  });

  test('runs every other command of tacet too', { timeout: patience }, async () => {
    const [program = '', ...rest] = wordsWith(['tenant', 'list', '--json']);
    const { stdout } = await run(program, rest, asContainer());
    expect(JSON.parse(stdout)).toEqual([]);
  });

  /** The words of a container that is told to run `args`; its entry point stays. */
  function wordsWith(args: readonly string[]): string[] {
    const [program = ''] = image.words;
    return [join(image.root, program), ...args];
  }

  /** What a process of the container sees: the image's environment and user, its places where they are here. */
  function asContainer() {
    const places = Object.entries(image.env).map(([name, value]) => {
      return [name, value.startsWith('/') ? join(image.root, value) : value];
    });
    const env = { PATH: process.env['PATH'], ...Object.fromEntries(places), TACET_LISTEN: '127.0.0.1:0' };
    const user = process.getuid?.() === 0 ? image.user : {};
    return { cwd: join(image.root, image.workdir), env, ...user };
  }

  async function serve(): Promise<{ child: ChildProcess; url: string }> {
    const [program = '', ...rest] = wordsWith(image.words.slice(1));
    const child = spawn(program, rest, { ...asContainer(), stdio: ['ignore', 'pipe', 'pipe'] });
    return { child, url: await saidBy(child, /^listening on (\S+)$/m) };
  }

  /** Exit code of the image's health check, asked of this address. */
  async function healthAt(url: string): Promise<number> {
    const [program = '', ...rest] = image.healthcheck.map((word) => word.replace(/http:\/\/[\d.]+:\d+/, url));
    const child = spawn(program, rest, { ...asContainer(), stdio: 'ignore' });
    return (await endOf(child)).code ?? -1;
  }
});
