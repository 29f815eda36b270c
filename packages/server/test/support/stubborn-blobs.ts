import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import type { BlobName, EraseOutcome } from '../../src/model/blob-store.ts';
import { AppError } from '../../src/model/errors.ts';

/** Blobs of which some will not go, until told otherwise. */
export class StubbornBlobs extends MemoryBlobs {
  /** Owners whose bytes stay. */
  readonly stuck = new Set<string>();

  override async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    const isStuck = (name: BlobName) => [...this.stuck].some((owner) => name.startsWith(owner));
    const outcomes = await super.erase(names.filter((name) => !isStuck(name)));
    for (const name of names.filter(isStuck))
      outcomes.set(name, { kind: 'failed', error: new AppError('blob_failed') });
    return outcomes;
  }
}
