import type { ChildProcess } from 'node:child_process';

/** What a process says of itself: the first group of `pattern`, as soon as its output has it. Fails when it ends before. */
export async function saidBy(child: ChildProcess, pattern: RegExp): Promise<string> {
  let said = '';
  return await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const found = pattern.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`it ended and had said: ${said}`)));
  });
}

/** How a process ends, from now on. */
export async function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return await new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}
