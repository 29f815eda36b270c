import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One line about the machine, or about what runs on it. */
export type Fact = [part: string, text: string];

/** The machine as far as it says, one line per part. `folder` lies on the disk that was measured. */
export async function describeMachine(folder: string): Promise<Fact[]> {
  const processors = cpus();
  return [
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Processor', `${processors[0]?.model.trim() ?? 'unknown'}, ${processors.length} cores`],
    ['Memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['Disk', await describeDisk(folder)],
    ['System', `${type()} ${release()}`],
    ['Node.js', process.versions.node],
  ];
}

/** The version of SQLite that the archive brings along. */
export async function sqliteVersion(): Promise<string> {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(':memory:');
  const version: unknown = database.prepare('SELECT sqlite_version()').pluck().get();
  database.close();
  return String(version);
}

/** File system, size and device of the disk below a folder. */
async function describeDisk(folder: string): Promise<string> {
  const { blocks, bsize } = await statfs(folder);
  const size = `${Math.round((blocks * bsize) / 2 ** 30)} GiB`;
  const named = await run('df', ['--output=fstype,source', folder]).then(
    ({ stdout }) => stdout.trim().split('\n').at(-1)?.trim().split(/\s+/),
    () => undefined,
  );
  return [...(named ?? []), size].join(', ');
}
