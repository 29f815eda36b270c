import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import type { BlobName, EraseOutcome } from '../../src/model/blob-store.ts';
import { AppError } from '../../src/model/errors.ts';

/** Blobs of which some will not go, until told otherwise. */
export class StubbornBlobs extends MemoryBlobs {
  /** Owners whose bytes stay. */
  readonly stuck = new Set<string>();
  /** Owners whose bytes cannot be looked for. */
  readonly unseen = new Set<string>();
  /** True while an erase fails as a whole, as the port does not allow. */
  isSilent = false;

  override async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    if (this.isSilent) throw new AppError('blob_failed', { detail: 'no answer' });
    const isStuck = (name: BlobName) => isOf(this.stuck, name);
    const outcomes = await super.erase(names.filter((name) => !isStuck(name)));
    for (const name of names.filter(isStuck))
      outcomes.set(name, { kind: 'failed', error: new AppError('blob_failed') });
    return outcomes;
  }
  override async remaining(names: readonly BlobName[]): Promise<Set<BlobName>> {
    if (names.some((name) => isOf(this.unseen, name))) throw new AppError('blob_failed', { detail: 'a bad sector' });
    return await super.remaining(names);
  }
}

function isOf(owners: ReadonlySet<string>, name: BlobName): boolean {
  return [...owners].some((owner) => name.startsWith(owner));
}
