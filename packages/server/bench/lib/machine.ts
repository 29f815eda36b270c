import { execFile } from 'node:child_process';
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The machine as far as it says, one line per part. `folder` lies on the disk that was measured. */
export async function describeMachine(folder: string): Promise<[part: string, text: string][]> {
  const processors = cpus();
  return [
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Processor', `${processors[0]?.model.trim() ?? 'unknown'}, ${processors.length} cores`],
    ['Memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['Disk', await describeDisk(folder)],
    ['System', `${type()} ${release()}`],
    ['Node.js', process.versions.node],
    ['SQLite', await sqliteVersion()],
  ];
}

async function sqliteVersion(): Promise<string> {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(':memory:');
  const version: unknown = database.prepare('SELECT sqlite_version()').pluck().get();
  database.close();
  return String(version);
}

/** File system, size and kind of the disk below a folder. */
async function describeDisk(folder: string): Promise<string> {
  const { blocks, bsize } = await statfs(folder);
  const parts = [`${Math.round((blocks * bsize) / 2 ** 30)} GiB`];
  const fileSystem = await run('stat', ['--file-system', '--format=%T', folder]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  if (fileSystem !== undefined) parts.unshift(fileSystem);
  const device = await deviceOf(folder).catch(() => undefined);
  if (device !== undefined) parts.push(device);
  return parts.join(', ');
}

/** The block device by its number, where the system shows it. */
async function deviceOf(folder: string): Promise<string | undefined> {
  const { dev } = await stat(folder);
  const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  for (const name of await readdir('/sys/block')) {
    const path = `/sys/block/${name}`;
    if ((await readFile(`${path}/dev`, 'utf8')).trim() !== number) continue;
    const turns = (await readFile(`${path}/queue/rotational`, 'utf8')).trim() === '1';
    return `${name}, ${turns ? 'rotating' : 'not rotating'}`;
  }
  return undefined;
}
