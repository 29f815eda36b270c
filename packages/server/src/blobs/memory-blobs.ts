import { abortable } from '../lib/abortable.ts';
import type { Clock } from '../lib/clock.ts';
import {
  assertBlobName,
  assertBlobRange,
  type BlobName,
  type BlobReader,
  type BlobStore,
  type EraseOutcome,
  refuseOwner,
  type StoredBlob,
} from '../model/blob-store.ts';
import { Bug } from '../model/errors.ts';
import { blobFailed } from './blob-failure.ts';

type Held = { chunks: Buffer[]; sizeBytes: number; modifiedAt: Date };

/** Blobs in memory, for tests of what stands above the port. Keeps every promise of it but durability. */
export class MemoryBlobs implements BlobStore {
  readonly #clock: Clock;
  readonly #finished = new Map<BlobName, Held>();
  readonly #unfinished = new Map<BlobName, Held>();
  #owner: string | undefined;

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  async create(
    name: BlobName,
    source: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<{ sizeBytes: number }> {
    assertBlobName(name);
    options.signal?.throwIfAborted();
    if (this.#finished.has(name) || this.#unfinished.has(name)) throw blobFailed(`create ${name}: the name is taken`);
    const held: Held = { chunks: [], sizeBytes: 0, modifiedAt: this.#now() };
    this.#unfinished.set(name, held);
    try {
      for await (const chunk of abortable(source, options.signal)) {
        held.chunks.push(Buffer.from(chunk));
        held.sizeBytes += chunk.byteLength;
        held.modifiedAt = this.#now();
      }
      if (this.#unfinished.get(name) !== held) throw blobFailed(`create ${name}: erased meanwhile`);
      this.#finished.set(name, held);
      return { sizeBytes: held.sizeBytes };
    } finally {
      if (this.#unfinished.get(name) === held) this.#unfinished.delete(name);
    }
  }

  async open(name: BlobName): Promise<BlobReader | null> {
    assertBlobName(name);
    const held = this.#finished.get(name);
    return held === undefined ? null : new MemoryBlobReader(Buffer.concat(held.chunks));
  }

  async stat(name: BlobName): Promise<{ sizeBytes: number } | null> {
    assertBlobName(name);
    const held = this.#finished.get(name);
    return held === undefined ? null : { sizeBytes: held.sizeBytes };
  }

  async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    names.forEach(assertBlobName);
    const outcomes = new Map<BlobName, EraseOutcome>();
    for (const name of new Set(names)) {
      const wasUnfinished = this.#unfinished.delete(name);
      const wasThere = this.#finished.delete(name);
      outcomes.set(name, { kind: wasUnfinished || wasThere ? 'erased' : 'absent' });
    }
    return outcomes;
  }

  async remaining(names: readonly BlobName[]): Promise<Set<BlobName>> {
    names.forEach(assertBlobName);
    return new Set(names.filter((name) => this.#finished.has(name) || this.#unfinished.has(name)));
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for (const [name, { sizeBytes, modifiedAt }] of this.#finished) {
      yield { name, sizeBytes, modifiedAt, unfinished: false };
    }
    for (const [name, { sizeBytes, modifiedAt }] of this.#unfinished) {
      yield { name, sizeBytes, modifiedAt, unfinished: true };
    }
  }

  async removeUnfinished(olderThan: Date): Promise<number> {
    let count = 0;
    for (const [name, { modifiedAt }] of this.#unfinished) {
      if (modifiedAt >= olderThan) continue;
      this.#unfinished.delete(name);
      count += 1;
    }
    return count;
  }

  async owner(): Promise<string | undefined> {
    return this.#owner;
  }

  async mark(archiveId: string): Promise<void> {
    this.#owner ??= archiveId;
    refuseOwner(this.#owner, archiveId);
  }

  async check(): Promise<void> {}

  #now(): Date {
    return new Date(this.#clock.now());
  }
}

class MemoryBlobReader implements BlobReader {
  readonly sizeBytes: number;
  readonly #bytes: Buffer;
  #isClosed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.byteLength;
  }

  read(start: number, endExclusive: number): AsyncIterable<Buffer> {
    assertBlobRange(start, endExclusive, this.sizeBytes);
    this.#assertOpen();
    return this.#pieces(start, endExclusive);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async *#pieces(start: number, endExclusive: number): AsyncGenerator<Buffer> {
    this.#assertOpen();
    if (start < endExclusive) yield Buffer.from(this.#bytes.subarray(start, endExclusive));
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Bug('The blob reader is closed');
  }
}
