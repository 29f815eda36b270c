import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder, systemError } from '../lib/durable-files.ts';
import { archiveFile, goneSuffix, parseName } from './vault-files.ts';

/**
 * The few things that a vault does to a folder. The product uses `openFolder`; the attacker test one in memory that
 * notes every byte ever written and can stop a process between any two calls.
 */
export interface Folder {
  /** Names in the folder; empty where the folder does not exist. */
  list(): Promise<string[]>;
  /** A file's bytes, or undefined where there is none of that name. */
  read(name: string): Promise<Buffer | undefined>;
  /**
   * True where anybody but the user of this process may do anything with the folder or with a root key in it, or where
   * the folder or a vault file belongs to another user: who owns a file may open it to himself.
   */
  isExposed(): Promise<boolean>;
  /** Makes the folder where there is none. Nothing else does: a missing one may be a file system that is not mounted. */
  make(): Promise<void>;
  /** Writes a new file (never replaces one) and makes its bytes, not yet its name, durable. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Overwrites a file's bytes and removes its name. Does nothing where there is none. */
  destroy(name: string): Promise<void>;
  /** Makes names that came, went or changed durable. */
  sync(): Promise<void>;
}

/** The rights of group and others. */
const rightsOfOthers = 0o077;

/** A folder on disk: mode 0700, files 0600. */
export function openFolder(path: string): Folder {
  const at = (name: string) => join(path, name);
  return {
    list: async () => (await whereThere(readdir(path))) ?? [],
    read: async (name) => await whereThere(readFile(at(name))),
    make: async () => await makeFolder(path),
    rename: async (from, to) => await rename(at(from), at(to)),
    sync: async () => await syncFolder(path),
    async isExposed() {
      const user = process.geteuid?.();
      const names = (await whereThere(readdir(path))) ?? [];
      for (const one of ['.', ...names.filter(isPart)]) {
        const found = await whereThere(stat(at(one)));
        if (found === undefined) continue;
        if (user !== undefined && found.uid !== user) return true;
        const isSecret = one === '.' || parseName(one)?.kind === 'key';
        if (isSecret && (found.mode & rightsOfOthers) !== 0) return true;
      }
      return false;
    },
    async write(name, bytes) {
      await using file = disposable(await open(at(name), 'wx', 0o600));
      await file.handle.writeFile(bytes);
      await file.handle.sync();
    },
    async destroy(name) {
      // Out of sight first: whoever reads a name must never get a part of what overwrites it. And who is just giving a
      // temporary file its name, of whom we know nothing if our lock was lost, either has done so or finds it gone.
      const unseen = name.endsWith(goneSuffix) ? name : `${name}${goneSuffix}`;
      if (unseen !== name) await whereThere(rename(at(name), at(unseen)));
      const handle = await whereThere(open(at(unseen), constants.O_WRONLY));
      if (handle === undefined) return;
      await using file = disposable(handle);
      const { size } = await file.handle.stat();
      await file.handle.write(randomBytes(size), 0, size, 0);
      await file.handle.sync();
      await whereThere(unlink(at(unseen)));
    },
  };
}

function isPart(name: string): boolean {
  return name === archiveFile || parseName(name) !== undefined;
}

function disposable(handle: FileHandle) {
  return { handle, [Symbol.asyncDispose]: async () => await handle.close() };
}

async function whereThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (systemError(error)?.code === 'ENOENT') return undefined;
    throw error;
  }
}
