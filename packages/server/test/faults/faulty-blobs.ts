import type { BlobName, BlobReader, BlobStore, EraseOutcome, StoredBlob } from '../../src/model/blob-store.ts';
import { AppError } from '../../src/model/errors.ts';

/** What can be made to fail or to wait. */
export type BlobWork = 'create' | 'open' | 'erase' | 'remaining' | 'list';

type Fault = { errno: string; timesLeft: number };
type Stop = { isReached: () => void; told: Promise<void> };

/**
 * A blob store in front of another, which fails as its port allows, or waits, until told otherwise: `blob_failed`, and
 * for an erase one failed outcome per name.
 */
export class FaultyBlobs implements BlobStore {
  readonly #behind: BlobStore;
  readonly #faults = new Map<BlobWork, Fault>();
  readonly #stops = new Map<BlobWork, Stop>();

  constructor(behind: BlobStore) {
    this.#behind = behind;
  }

  /** From now on `work` fails, so many times. */
  fail(work: BlobWork, errno: string, times: number): void {
    this.#faults.set(work, { errno, timesLeft: times });
  }

  /** Nothing fails any more. */
  heal(): void {
    this.#faults.clear();
  }

  /** The next `work` waits: `reached` resolves when it does, `goOn` lets it go on. */
  stop(work: BlobWork): { reached: Promise<void>; goOn: () => void } {
    let [goOn, isReached]: (() => void)[] = [];
    const told = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      isReached = resolve;
    });
    this.#stops.set(work, { isReached: () => isReached?.(), told });
    return { reached, goOn: () => goOn?.() };
  }

  async create(name: BlobName, source: AsyncIterable<Uint8Array>, options: { signal?: AbortSignal | undefined } = {}) {
    await this.#meet('create');
    return await this.#behind.create(name, source, options);
  }

  async open(name: BlobName): Promise<BlobReader | null> {
    await this.#meet('open');
    return await this.#behind.open(name);
  }

  async stat(name: BlobName): Promise<{ sizeBytes: number } | null> {
    return await this.#behind.stat(name);
  }

  async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    try {
      await this.#meet('erase');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return new Map(names.map((name) => [name, { kind: 'failed', error }]));
    }
    return await this.#behind.erase(names);
  }

  async remaining(names: readonly BlobName[]): Promise<Set<BlobName>> {
    await this.#meet('remaining');
    return await this.#behind.remaining(names);
  }

  async *list(): AsyncGenerator<StoredBlob> {
    await this.#meet('list');
    yield* this.#behind.list();
  }

  async removeUnfinished(olderThan: Date): Promise<number> {
    return await this.#behind.removeUnfinished(olderThan);
  }

  async owner(): Promise<string | undefined> {
    return await this.#behind.owner();
  }

  async mark(archiveId: string): Promise<void> {
    await this.#behind.mark(archiveId);
  }

  async check(): Promise<void> {
    await this.#behind.check();
  }

  async #meet(work: BlobWork): Promise<void> {
    const stop = this.#stops.get(work);
    this.#stops.delete(work);
    stop?.isReached();
    await stop?.told;
    const fault = this.#faults.get(work);
    if (fault === undefined || fault.timesLeft === 0) return;
    fault.timesLeft -= 1;
    throw new AppError('blob_failed', { detail: `${work}: ${fault.errno}` });
  }
}
