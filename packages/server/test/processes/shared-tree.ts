/** A small key tree on PostgreSQL and a vault in files, for processes that share it. */
import { type ChildProcess, fork } from 'node:child_process';
import type { TreeShape } from '../../src/keys/page.ts';
import { programOf } from '../support/programs.ts';

/** Small pages, so that whatever anybody ever wrote can be kept and attacked. */
export const shape: TreeShape = { fanOut: 8, levels: 5 };
export const horizonMs = 0;

/** What an artifact is bound to. */
export function contextOf(ownerId: string) {
  return { tenantId: 'tenant', ownerId, kind: 'details' };
}

/** A process of this test, from a `*.child.ts` beside this file. `ready` when it has said so; then it waits for `go`. */
export type Child = {
  process: ChildProcess;
  ready: Promise<void>;
  go(): void;
  /** Rejects with what it said on standard error unless it ends well. */
  ended: Promise<void>;
};

export function startChild(script: string, args: readonly string[]): Child {
  const child = fork(programOf(new URL(script, import.meta.url)), [...args], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let problem = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    problem += chunk.toString();
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`ended with ${code}: ${problem}`))));
  });
  const said = new Promise<void>((resolve) => {
    child.once('message', () => resolve());
  });
  // Whoever waits for one of the two only is told all the same.
  ended.catch(() => undefined);
  return { process: child, ready: Promise.race([said, ended]), go: () => void child.send('go'), ended };
}
