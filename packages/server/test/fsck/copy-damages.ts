import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Damage } from './damage.ts';

/** What may become of one folder while the other is whole. */
export const copies: Record<string, Damage> = {
  'a root key cut short in the second folder': {
    plant: async ({ secondVault }) => await cut(secondVault, 'key-', 20),
    finds: ['vault_copy_damaged'],
  },
  'an empty segment in the second folder': {
    plant: async ({ secondVault }) => await cut(secondVault, 'segment-', 0),
    finds: ['vault_copy_damaged'],
  },
  'a head of the second folder that makes no sense': {
    plant: async ({ secondVault }) => {
      const file = await fileIn(secondVault, 'head-');
      await writeFile(join(secondVault, file), 'not a head\n');
      return file;
    },
    finds: ['vault_copy_damaged'],
  },
  'a root key cut short in the first folder': {
    plant: async ({ vault }) => await cut(vault, 'key-', 20),
    finds: ['vault_copy_damaged'],
  },
  'an archive file cut short in the second folder': {
    plant: async ({ secondVault }) => await cut(secondVault, 'archive', 5),
    finds: ['vault_copy_damaged'],
  },
  'a segment that only the second folder has': {
    plant: async ({ vault }) => {
      const file = await fileIn(vault, 'segment-');
      await rm(join(vault, file));
      return `folder 1: ${file}`;
    },
    finds: ['vault_copy_missing'],
  },
};

async function cut(folder: string, prefix: string, toBytes: number): Promise<string> {
  const file = await fileIn(folder, prefix);
  await truncate(join(folder, file), toBytes);
  return file;
}

async function fileIn(folder: string, prefix: string): Promise<string> {
  const file = (await readdir(folder)).sort().find((name) => name.startsWith(prefix));
  if (file === undefined) throw new Error(`no ${prefix} file`);
  return file;
}
