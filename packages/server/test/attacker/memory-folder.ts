import type { Folder } from '../../src/vault/folder.ts';
import { goneSuffix } from '../../src/vault/vault-files.ts';
import type { Life, Scheduler } from './scheduler.ts';

/** Every byte that was ever written to the vault, under the name it was first written to. */
export type VaultRecord = { name: string; bytes: Buffer };

/** One folder of the vault, as it lies on its disk. */
export class MemoryVaultDisk {
  readonly files = new Map<string, Buffer>();
  readonly records: VaultRecord[] = [];

  /** What whoever seizes the disk now gets: names and bytes, temporary files included, destroyed ones not. */
  seize(): Map<string, Buffer> {
    return new Map([...this.files].map(([name, bytes]) => [name, Buffer.from(bytes)]));
  }
}

/**
 * The folder as one process sees it, with the steps of the real one: each call stops at a gate, and so do a write and
 * a destruction in the middle.
 */
export function openMemoryFolder(disk: MemoryVaultDisk, on: { scheduler: Scheduler; life: Life }): Folder {
  const pass = async (point: string) => {
    if ((await on.scheduler.gate(on.life, `vault:${point}`)) === 'fail') throw ioError();
  };
  return {
    async list() {
      await pass('list');
      return [...disk.files.keys()];
    },
    async read(name) {
      await pass(`read ${name}`);
      const bytes = disk.files.get(name);
      return bytes && Buffer.from(bytes);
    },
    isExposed: async () => false,
    make: async () => await pass('make'),
    async write(name, bytes) {
      await pass(`write ${name}`);
      if (disk.files.has(name)) throw ioError();
      const file = Buffer.from(bytes);
      disk.files.set(name, file.fill(0, Math.floor(bytes.length / 2)));
      await pass(`writing ${name}`);
      // Whatever its name is by now.
      file.set(bytes);
      disk.records.push({ name, bytes: Buffer.from(bytes) });
    },
    async rename(from, to) {
      await pass(`rename ${to}`);
      const bytes = disk.files.get(from);
      if (bytes === undefined) throw ioError();
      disk.files.set(to, bytes);
      disk.files.delete(from);
    },
    async destroy(name) {
      await pass(`destroy ${name}`);
      const unseen = name.endsWith(goneSuffix) ? name : `${name}${goneSuffix}`;
      const file = disk.files.get(name) ?? disk.files.get(unseen);
      if (file === undefined) return;
      disk.files.delete(name);
      disk.files.set(unseen, file);
      await pass(`destroying ${name}`);
      file.fill(0);
      disk.files.delete(unseen);
    },
    async sync() {
      await pass('sync');
    },
  };
}

function ioError(): Error {
  return Object.assign(new Error('EIO'), { code: 'EIO' });
}
