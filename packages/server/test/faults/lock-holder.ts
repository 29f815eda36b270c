/** Starts `lock-holder.child.ts`: another program that has the database. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { programOf } from '../support/programs.ts';

const script = programOf(new URL('lock-holder.child.ts', import.meta.url));

/** Resolves when it holds what it was asked to hold; `letGo` resolves when it has ended. */
export async function holdDatabase(kind: 'write' | 'read', file: string): Promise<{ letGo(): Promise<void> }> {
  const child = fork(script, [kind, file], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'close');
  await Promise.race([
    once(child, 'message'),
    ended.then(() => {
      throw new Error('it ended before it held anything');
    }),
  ]);
  return {
    async letGo() {
      child.send('let go');
      await ended;
    },
  };
}
