import { randomUUID } from 'node:crypto';
import { constants, lstat as lstatCallback, type Stats } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { abortable } from '../lib/abortable.ts';
import { makeFolder, NewFile, removeFile, syncFolder, systemError } from '../lib/durable-files.ts';
import type { Faults } from '../lib/faults.ts';
import { gather } from '../lib/gather.ts';
import {
  type BlobName,
  type BlobReader,
  type BlobStore,
  type EraseOutcome,
  refuseOwner,
  type StoredBlob,
} from '../model/blob-store.ts';
import { AppError } from '../model/errors.ts';
import { blobFailed, guarded } from './blob-failure.ts';
import { type BlobPaths, blobPaths, readEntry, shards } from './file-blob-layout.ts';
import { makeMarker, readMarker } from './file-blob-marker.ts';
import { FileBlobReader } from './file-blob-reader.ts';
import { FileBlobRoot } from './file-blob-root.ts';
import { inLanes } from './lanes.ts';

/** Entries of a folder looked at together while listing. */
const lookAhead = 64;

/** Bytes written at once: each write is a trip to another thread and back. */
const pieceBytes = 256 * 1024;

const unusable = 'the blob folder cannot be used';

const lstat = promisify(lstatCallback);

/**
 * Blobs as files below one folder, all on one file system. Any number of processes may share it.
 *
 * Files have mode 0600 and folders 0700. Nothing in the store is locked, so `erase` never answers `locked`. Where the
 * folder is gone, or another one has its name, everything fails with `blob_failed`; a marker beside the shards tells the
 * next process that the folder is the right one.
 */
export class FileBlobs implements BlobStore {
  readonly #root: string;
  readonly #folder: FileBlobRoot;
  readonly #faults: Faults;
  readonly #folders = new Map<string, Promise<void>>();

  constructor(options: { root: string; faults: Faults }) {
    this.#root = resolve(options.root);
    this.#folder = new FileBlobRoot(this.#root);
    this.#faults = options.faults;
  }

  async create(
    name: BlobName,
    source: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<{ sizeBytes: number }> {
    const paths = blobPaths(this.#root, name);
    options.signal?.throwIfAborted();
    const what = `create ${name}`;
    await this.#folder.check();
    const file = await guarded(what, () => this.#begin(paths));
    try {
      let sizeBytes = 0;
      for await (const piece of gather(abortable(source, options.signal), pieceBytes)) {
        await guarded(what, () => file.write(piece));
        sizeBytes += piece.byteLength;
      }
      await this.#faults.at('blob-create:written');
      await guarded(what, () => file.sync());
      await this.#faults.at('blob-create:synced');
      options.signal?.throwIfAborted();
      await guarded(what, () => file.place(paths.path));
      await this.#faults.at('blob-create:renamed');
      await guarded(what, () => syncFolder(paths.folder));
      return { sizeBytes };
    } catch (error) {
      await file.discard();
      throw error;
    } finally {
      // Synced or given up by now: what closing has to say changes nothing.
      await file.close().catch(() => undefined);
    }
  }

  async open(name: BlobName): Promise<BlobReader | null> {
    const { path } = blobPaths(this.#root, name);
    await this.#folder.check();
    return guarded(`open ${name}`, () => FileBlobReader.open(name, path));
  }

  async stat(name: BlobName): Promise<{ sizeBytes: number } | null> {
    const { path } = blobPaths(this.#root, name);
    await this.#folder.check();
    const found = await guarded(`stat ${name}`, () => look(path));
    if (found === undefined) return null;
    if (!found.isFile()) throw blobFailed(`stat ${name}: not a file`);
    return { sizeBytes: found.size };
  }

  async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    const targets = new Map(names.map((name) => [name, blobPaths(this.#root, name)]));
    const missing = await failureOf('erase', () => this.#folder.check());
    if (missing !== undefined) return allFailed(names, missing);
    const outcomes = new Map<BlobName, EraseOutcome>();
    await inLanes(targets, async ([name, paths]) => {
      outcomes.set(name, await unlinkBlob(name, paths));
    });
    await this.#faults.at('blob-erase:unlinked');

    // The folders of absent names too: they may be absent because an erase that died at this point has unlinked them.
    const unsynced = new Map<string, AppError>();
    await inLanes(new Set(Array.from(targets.values(), ({ folder }) => folder)), async (folder) => {
      const error = await failureOf('erase', () => ifThere(syncFolder(folder)));
      if (error !== undefined) unsynced.set(folder, error);
    });
    for (const [name, { folder }] of targets) {
      const error = unsynced.get(folder);
      if (error !== undefined) outcomes.set(name, { kind: 'failed', error });
    }
    // Again: what was absent because the folder went meanwhile is not gone.
    const moved = await failureOf('erase', () => this.#folder.check());
    return moved === undefined ? outcomes : allFailed(names, moved);
  }

  async remaining(names: readonly BlobName[]): Promise<Set<BlobName>> {
    const targets = new Map(names.map((name) => [name, blobPaths(this.#root, name)]));
    const found = new Set<BlobName>();
    await inLanes(targets, async ([name, { path, temporaryPath }]) => {
      // The temporary name first: the other way round, a create that finishes between the two looks is seen by neither.
      const seen = await guarded(`remaining ${name}`, async () => (await look(temporaryPath)) ?? (await look(path)));
      if (seen !== undefined) found.add(name);
    });
    // Last, so that a folder that went while we looked is noticed too.
    await this.#folder.check();
    return found;
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for (const shard of shards) yield* this.#listShard(shard);
    await this.#folder.check();
  }

  async removeUnfinished(olderThan: Date): Promise<number> {
    let count = 0;
    await this.#folder.check();
    for (const shard of shards) {
      let isTouched = false;
      for await (const { name, unfinished, modifiedAt } of this.#listShard(shard)) {
        if (!unfinished || modifiedAt >= olderThan) continue;
        const { temporaryPath } = blobPaths(this.#root, name);
        if (await guarded(`remove unfinished ${name}`, () => removeFile(temporaryPath))) count += 1;
        isTouched = true;
      }
      if (isTouched) await guarded('remove unfinished', () => syncFolder(join(this.#root, shard)));
    }
    return count;
  }

  async owner(): Promise<string | undefined> {
    await this.#folder.check();
    return await guarded(unusable, () => readMarker(this.#root));
  }

  async mark(archiveId: string): Promise<void> {
    await guarded(unusable, async () => {
      await makeFolder(this.#root);
      await this.#folder.check();
      await makeMarker(this.#root, archiveId);
    });
    refuseOwner(await this.owner(), archiveId);
  }

  async check(): Promise<void> {
    await guarded(unusable, async () => {
      if ((await look(this.#root)) === undefined) await makeFolder(this.#root);
      await this.#folder.check();
      await this.#tryWriting();
      const { dev } = await stat(this.#root);
      for (const shard of shards) await checkShard(join(this.#root, shard), dev);
    });
  }

  /** Opens the temporary file, making its folder the first time this process meets it. */
  async #begin({ folder, temporaryPath }: BlobPaths): Promise<NewFile> {
    let made = this.#folders.get(folder);
    if (made === undefined) {
      made = makeFolder(folder);
      this.#folders.set(folder, made);
    }
    try {
      await made;
      return await NewFile.open(temporaryPath);
    } catch (error) {
      // Whatever was wrong with the folder may have been put right by the next create.
      this.#folders.delete(folder);
      throw error;
    }
  }

  async *#listShard(shard: string): AsyncGenerator<StoredBlob> {
    const folder = join(this.#root, shard);
    const entries = await guarded('list', () => ifThere(readdir(folder)));
    if (entries === undefined) return;
    for (let index = 0; index < entries.length; index += lookAhead) {
      const group = entries.slice(index, index + lookAhead);
      for (const blob of await guarded('list', () =>
        Promise.all(group.map((entry) => describe(shard, folder, entry))),
      )) {
        if (blob !== undefined) yield blob;
      }
    }
  }

  /** A whole life of one small file: finds a read-only or full disk, and a file system without links, before a caller does. */
  async #tryWriting(): Promise<void> {
    const path = join(this.#root, `.check-${randomUUID()}`);
    const file = await NewFile.open(`${path}.new`);
    try {
      await file.write(Buffer.from('tacet'));
      await file.sync();
      await file.place(path);
      await syncFolder(this.#root);
    } finally {
      await file.discard();
      await file.close();
    }
  }
}

function allFailed(names: readonly BlobName[], error: AppError): Map<BlobName, EraseOutcome> {
  return new Map(names.map((name) => [name, { kind: 'failed', error }]));
}

/** The temporary name first: a create under way then finds it gone, or has placed its file before we remove that. */
async function unlinkBlob(name: BlobName, { path, temporaryPath }: BlobPaths): Promise<EraseOutcome> {
  let removed = 0;
  const error = await failureOf(`erase ${name}`, async () => {
    if (await removeFile(temporaryPath)) removed += 1;
    if (await removeFile(path)) removed += 1;
  });
  if (error !== undefined) return { kind: 'failed', error };
  return { kind: removed > 0 ? 'erased' : 'absent' };
}

async function failureOf(what: string, work: () => Promise<unknown>): Promise<AppError | undefined> {
  try {
    await guarded(what, work);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

async function describe(shard: string, folder: string, entry: string): Promise<StoredBlob | undefined> {
  const known = readEntry(shard, entry);
  if (known === undefined) return undefined;
  const found = await look(join(folder, entry));
  return found?.isFile() ? { ...known, sizeBytes: found.size, modifiedAt: found.mtime } : undefined;
}

/** Names are placed by a link within a shard, so a shard must be a real folder on the root's file system. */
async function checkShard(folder: string, dev: number): Promise<void> {
  const found = await look(folder);
  if (found === undefined) return;
  if (!found.isDirectory()) throw blobFailed(`${unusable}: a shard is not a folder`);
  if (found.dev !== dev) throw blobFailed(`${unusable}: a shard is on another file system`);
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
}

function look(path: string): Promise<Stats | undefined> {
  return ifThere(lstat(path));
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (systemError(error)?.code === 'ENOENT') return undefined;
    throw error;
  }
}
