import { MemoryBlobs } from '../../src/blobs/memory-blobs.ts';
import type { BlobName, EraseOutcome } from '../../src/model/blob-store.ts';
import { AppError } from '../../src/model/errors.ts';

/** Blobs of which some will not go, until told otherwise. */
export class StubbornBlobs extends MemoryBlobs {
  /** Owners whose bytes stay. */
  readonly stuck = new Set<string>();
  /** Owners whose bytes are under a lock that ends then; null: that somebody has to lift. */
  readonly locked = new Map<string, Date | null>();
  /** How often each name was to be erased. */
  readonly asked = new Map<BlobName, number>();
  /** Owners whose bytes cannot be looked for. */
  readonly unseen = new Set<string>();
  /** True while an erase fails as a whole, as the port does not allow. */
  isSilent = false;

  override async erase(names: readonly BlobName[]): Promise<Map<BlobName, EraseOutcome>> {
    if (this.isSilent) throw new AppError('blob_failed', { detail: 'no answer' });
    for (const name of names) this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    const refusals = new Map(names.flatMap((name) => this.#refusalOf(name) ?? []));
    return new Map([...refusals, ...(await super.erase(names.filter((name) => !refusals.has(name))))]);
  }
  override async remaining(names: readonly BlobName[]): Promise<Set<BlobName>> {
    if (names.some((name) => isOf(this.unseen, name))) throw new AppError('blob_failed', { detail: 'a bad sector' });
    return await super.remaining(names);
  }

  #refusalOf(name: BlobName): [[BlobName, EraseOutcome]] | undefined {
    const until = [...this.locked].find(([owner]) => name.startsWith(owner))?.[1];
    if (until !== undefined) return [[name, { kind: 'locked', until }]];
    return isOf(this.stuck, name) ? [[name, { kind: 'failed', error: new AppError('blob_failed') }]] : undefined;
  }
}

function isOf(owners: ReadonlySet<string>, name: BlobName): boolean {
  return [...owners].some((owner) => name.startsWith(owner));
}
