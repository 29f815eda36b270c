import type { BlobName } from '../model/blob-store.ts';
import type { Artifact } from '../model/call.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';

/*
 * Which rows name a blob. Its name says where to look: `<owner>-<slot>`.
 */

/** Those of the names that neither an artifact nor a doomed row has. */
export async function unnamedAmong(
  reads: Pick<StoreReads, 'artifacts' | 'doomed'>,
  names: readonly BlobName[],
): Promise<BlobName[]> {
  if (names.length === 0) return [];
  const doomed = new Set((await reads.doomed.find(names)).map((one) => one.blob));
  const left: BlobName[] = [];
  for (const name of names) {
    if (!doomed.has(name) && (await artifactAt(reads, name))?.blob !== name) left.push(name);
  }
  return left;
}

/** The artifact whose slot the name ends in, whatever bytes it names. */
export async function artifactAt(
  reads: Pick<StoreReads | StoreTx, 'artifacts'>,
  name: BlobName,
): Promise<Artifact | undefined> {
  const slot = slotIn(name);
  return slot === undefined ? undefined : await artifactOfSlot(reads, slot);
}

/** The artifact that names the slot. */
export async function artifactOfSlot(
  reads: Pick<StoreReads | StoreTx, 'artifacts'>,
  slot: number,
): Promise<Artifact | undefined> {
  const [artifact] = await reads.artifacts.page(slot, 1);
  return artifact?.slot === slot ? artifact : undefined;
}

/** Names end in the slot that the bytes are sealed under. */
export function slotIn(name: BlobName): number | undefined {
  const digits = /-(\d{1,13})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** And begin with the id of the owner. */
export function ownerIn(name: BlobName): string {
  return name.replace(/-\d+$/, '');
}
