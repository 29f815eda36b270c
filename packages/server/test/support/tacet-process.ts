/** The operator's command as a process of its own, from the sources. */
import { type ChildProcess, spawn } from 'node:child_process';
import { programOf } from './programs.ts';

const main = programOf(new URL('../../src/main.ts', import.meta.url));

export type TacetProcess = {
  child: ChildProcess;
  /** Resolves with what follows `listening on ` on standard output. */
  listening: Promise<string>;
  /** What it has said on standard error so far. */
  errors(): string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string; errors: string }>;
};

/**
 * Starts `tacet ARGS` with these settings; nothing of our own environment but what finds programs. Its standard input is
 * `input` and then ends.
 */
export function startTacet(
  args: readonly string[],
  env: Record<string, string>,
  { input = '' }: { input?: string | Uint8Array } = {},
): TacetProcess {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that does not read it may have ended before.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  let [output, errors] = ['', ''];
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const url = /^listening on (\S+)$/m.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('close', () => reject(new Error(`it ended before it listened: ${errors}`)));
  });
  // Whoever does not wait for it must not see the end of a process as an unhandled rejection.
  listening.catch(() => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended: TacetProcess['ended'] = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output, errors }));
  });
  return { child, listening, errors: () => errors, ended };
}
