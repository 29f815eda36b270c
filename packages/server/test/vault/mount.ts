/** File systems of their own for tests, where the machine lets us mount: as root, outside an unprivileged container. */
import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mounts an empty file system of this many KiB, for its owner alone. */
export async function mountSmall(folder: string, kibibytes: number): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=0700`, 'tmpfs', folder]);
}

/** Lets a folder appear at another place. */
export async function mountFolder(folder: string, at: string): Promise<void> {
  await run('mount', ['--bind', folder, at]);
}

export async function remount(folder: string, how: 'ro' | 'rw'): Promise<void> {
  await run('mount', ['-o', `remount,${how}`, folder]);
}

export async function unmount(folder: string): Promise<void> {
  await run('umount', [folder]);
}

/** Why nothing can be mounted here; undefined where it can. */
export async function whyNoMounts(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-mount-'));
  try {
    await mountSmall(folder, 64);
    await unmount(folder);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : 'unknown';
  } finally {
    await rmdir(folder);
  }
}
