/** A disk of a few MiB, to be filled up: a tmpfs, which takes the rights to mount one. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmdirSync, statfsSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type SmallDisk = {
  folder: string;
  /** Fills the disk up to so many bytes, whole pages of 4 KiB. What was filled before counts as filled. */
  leave(bytes: number): void;
  /** Takes the filling away. */
  clear(): void;
  unmount(): void;
};

const mib = 1024 * 1024;
const pageBytes = 4096;

export function mountSmallDisk(sizeMib: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'tacet-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=700`, 'tacet-test', folder]);
  const ballast = join(folder, 'ballast');
  const clear = () => {
    if (existsSync(ballast)) truncateSync(ballast);
  };
  return {
    folder,
    clear,
    leave(bytes) {
      clear();
      const { bavail, bsize } = statfsSync(folder);
      const file = openSync(ballast, 'a', 0o600);
      for (let left = bavail * bsize - Math.ceil(bytes / pageBytes) * pageBytes; left > 0; ) {
        left -= writeSync(file, Buffer.alloc(Math.min(left, mib)));
      }
      closeSync(file);
    },
    unmount() {
      execFileSync('umount', [folder]);
      rmdirSync(folder);
    },
  };
}

/** Why there can be no small disk here; undefined where there can. Said aloud, as what is skipped proves nothing. */
export const noSmallDisk: string | undefined = tryMounting();

function tryMounting(): string | undefined {
  try {
    mountSmallDisk(1).unmount();
    return undefined;
  } catch {
    process.stderr.write('Tests of a full disk are skipped: mounting a tmpfs takes root. Try `sudo npm test`.\n');
    return 'a tmpfs cannot be mounted here';
  }
}
