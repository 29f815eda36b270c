/** Runs a blob store in a process of its own, which may be killed, bounded, or bound by permissions. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { programOf } from './programs.ts';

const script = programOf(new URL('../blobs/file-blobs.child.ts', import.meta.url));

/** Runs `file-blobs.child.ts` to its end, whatever that is. `answer` is what it printed, where it lived to print. */
export function runBlobChild(
  args: readonly string[],
  options: { fileSizeKiBMax?: number } = {},
): Promise<{ signal: NodeJS.Signals | null; answer: unknown }> {
  const limit = options.fileSizeKiBMax ?? 'unlimited';
  const command = ['-c', `ulimit -f ${limit}; exec "$@"`, 'bash', process.execPath, script, ...args];
  return new Promise((resolve, reject) => {
    const child = execFile('bash', command, (error, stdout, stderr) => {
      if (error !== null && child.signalCode === null) reject(new Error(stderr));
      else resolve({ signal: child.signalCode, answer: stdout === '' ? undefined : JSON.parse(stdout) });
    });
  });
}

/** User and group that permissions bind: our own, or nobody's where the tests run as root. */
export function ordinaryUser(): [uid: number, gid: number] {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return uid === 0 ? [65_534, 65_534] : [uid, gid];
}

/** Every file below `folder`, whatever its name. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}
