import { assertBlobName, type BlobName, isBlobName } from '../model/blob-store.ts';

/**
 * Where a blob lives: `<root>/<shard>/<name>`, and while it is being created `<root>/<shard>/.<name>.new`.
 *
 * The temporary name follows from the blob's. That makes it a claim that a second create runs into, and lets an erase
 * find what a crash left behind without reading a folder.
 */
export type BlobPaths = { folder: string; path: string; temporaryPath: string };

/** The only place where a path is made from a name. Anything but a blob name is a Bug. */
export function blobPaths(root: string, name: BlobName): BlobPaths {
  assertBlobName(name);
  // Not `join`, which takes longer than all the rest and has nothing to normalise here.
  const folder = `${root}/${shardOf(name)}`;
  return { folder, path: `${folder}/${name}`, temporaryPath: `${folder}/.${name}.new` };
}

/** The 256 shards, `00` to `ff`. */
export const shards: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** What a shard's entry is, by its name alone; undefined for anything this store has not put there. */
export function readEntry(shard: string, entry: string): { name: BlobName; unfinished: boolean } | undefined {
  const unfinished = entry.startsWith('.') && entry.endsWith('.new');
  const name = unfinished ? entry.slice(1, -'.new'.length) : entry;
  return isBlobName(name) && shardOf(name) === shard ? { name, unfinished } : undefined;
}

/**
 * FNV-1a of 32 bits, its four bytes folded into one.
 *
 * A UUIDv7 begins with the time, so its first characters would put a whole day into one folder. NOTE: changing this
 * loses every blob there is.
 */
function shardOf(name: BlobName): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  const folded = (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff;
  return folded.toString(16).padStart(2, '0');
}
