import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Bench } from './benchmark.ts';

const serverFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const endsWithinMs = 20_000;
const listensWithinMs = 60_000;

/** A running `tacet serve`, in a process of its own. */
export type Server = {
  url: string;
  /** Resident memory in bytes: now, and the most there has been since it started. Zero where the system does not say. */
  memory(): Promise<{ nowBytes: number; peakBytes: number }>;
  stop(): Promise<void>;
};

/**
 * Starts a server on a home and waits until it listens. What it logs above `info` goes to `bench.say`.
 *
 * @param settings environment besides that, such as where its database is.
 */
export async function startServer(bench: Bench, home: string, settings: Record<string, string> = {}): Promise<Server> {
  const child = spawn(process.execPath, serveCommand(bench), {
    cwd: serverFolder,
    // As many threads as bin/tacet asks for.
    env: {
      ...withoutOurs(process.env),
      UV_THREADPOOL_SIZE: '16',
      TACET_HOME: home,
      TACET_LISTEN: '127.0.0.1:0',
      // Purges as large as they come are what is measured: nobody is there to approve them.
      TACET_GUARD_CALLS: '0',
      TACET_GUARD_PERCENT: '0',
      // One client sends all that there is.
      TACET_RATE_LIMIT: '0',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endWithUs = () => child.kill();
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.includes('"level":"info"')) bench.say(`server: ${line}`);
  });
  const url = await listening(child);
  return {
    url,
    memory: async () => await memoryOf(child.pid),
    stop: async () => await stop(child),
  };
}

function serveCommand(bench: Bench): string[] {
  const profiling = bench.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${bench.profile}`];
  if (bench.fromSource) return [...profiling, '--import', 'tsx', join(serverFolder, 'src/main.ts'), 'serve'];
  const built = join(serverFolder, 'dist/main.js');
  if (!existsSync(built)) throw new Error('the server is not built: run `npm run build`, or say --from-source');
  return [...profiling, built, 'serve'];
}

/** The environment without our own settings: the ones of whoever runs the benchmarks are not to be measured. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TACET_')));
}

async function listening(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    const tooLate = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error('the server does not listen'));
    }, listensWithinMs);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(tooLate);
      reject(new Error(`the server ended with ${code} before it listened`));
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /^listening on (http\S+)$/.exec(line)?.[1];
      if (url === undefined) return;
      clearTimeout(tooLate);
      resolve(url);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lastResort = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(lastResort);
}

async function memoryOf(pid: number | undefined): Promise<{ nowBytes: number; peakBytes: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
  return { nowBytes: kib('VmRSS') * 1024, peakBytes: kib('VmHWM') * 1024 };
}
