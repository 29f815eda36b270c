/** Starts `sqlite-store.child.ts`: another process on the same database. */
import { type ChildProcess, fork } from 'node:child_process';
import { programOf } from './programs.ts';

const script = programOf(new URL('../store/sqlite-store.child.ts', import.meta.url));

export type StoreChild = {
  /** Lets it go on from where it said `ready`. */
  go(): void;
  kill(): void;
  /** What it answered; undefined when it was killed. Rejects when it failed. */
  answer: Promise<unknown>;
};

/** Resolves when the process has said `ready`. */
export async function startStoreChild(...args: string[]): Promise<StoreChild> {
  const child = fork(script, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const answer = answerOf(child);
  await Promise.race([new Promise((resolve) => child.once('message', resolve)), answer]);
  return { go: () => child.send('go'), kill: () => child.kill('SIGKILL'), answer };
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let [said, problem]: [unknown, string] = [undefined, ''];
    child.on('message', (message) => {
      if (typeof message === 'object' && 'answer' in message) said = message.answer;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      problem += chunk.toString();
    });
    child.once('close', (code) => {
      if (code === null || code === 0) resolve(said);
      else reject(new Error(problem));
    });
  });
}
