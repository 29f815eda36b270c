import type { BlobName } from '../model/blob-store.ts';
import { blobFailed } from './blob-failure.ts';

/**
 * Creates under way in this process.
 *
 * A body that is still small is nowhere in the store, so neither another create nor an erase would meet it there. Here
 * they do.
 */
export class S3Creations {
  readonly #underWay = new Map<BlobName, S3Creation>();

  /** Runs a create of a name that no other here is creating. */
  async run<T>(name: BlobName, work: (creation: S3Creation) => Promise<T>): Promise<T> {
    if (this.#underWay.has(name)) throw blobFailed(`create ${name}: another create is under way`);
    const creation = new S3Creation(name);
    this.#underWay.set(name, creation);
    try {
      return await work(creation);
    } finally {
      if (this.#underWay.get(name) === creation) this.#underWay.delete(name);
    }
  }

  /** Frees a name whose create can no longer be finished, since its upload is gone, but has not noticed yet. */
  release(name: BlobName): void {
    this.#underWay.delete(name);
  }

  /**
   * Creates of these names that are under way will fail. Resolves when none of them can change anything in the store any
   * more but parts of an upload, and the names are free.
   */
  async overtake(names: Iterable<BlobName>): Promise<void> {
    const settled: Promise<void>[] = [];
    for (const name of names) {
      const creation = this.#underWay.get(name);
      if (creation === undefined) continue;
      this.#underWay.delete(name);
      settled.push(creation.overtake());
    }
    await Promise.all(settled);
  }
}

/** One create, which an erase may overtake. */
export class S3Creation {
  readonly #name: BlobName;
  #isOvertaken = false;
  #commit: Promise<unknown> = Promise.resolve();

  constructor(name: BlobName) {
    this.#name = name;
  }

  /** Throws `blob_failed` once an erase of the name has begun. */
  assertNotOvertaken(): void {
    if (this.#isOvertaken) throw blobFailed(`create ${this.#name}: erased meanwhile`);
  }

  /** Does what makes the blob visible, unless it was overtaken; one that is overtaken meanwhile fails afterwards. */
  async commit(work: () => Promise<void>): Promise<void> {
    this.assertNotOvertaken();
    const commit = work();
    this.#commit = commit;
    await commit;
    this.assertNotOvertaken();
  }

  async overtake(): Promise<void> {
    this.#isOvertaken = true;
    // A request that is on its way to the store cannot be called back: only when it has been answered is it known.
    await this.#commit.catch(() => undefined);
  }
}
