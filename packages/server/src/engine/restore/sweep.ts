import type { BlobName } from '../../model/blob-store.ts';
import type { DoomedBlob } from '../../model/erasure.ts';
import { ownerIn, unnamedAmong } from '../blob-rows.ts';
import type { Engine } from '../context.ts';

/** Names, or rows, looked at together. */
const batch = 500;

/**
 * Removes stored bytes that no row names: of calls archived after the copy was made, whose keys went with the database.
 * Nobody else may work on the archive meanwhile. Returns how many were removed, and how many would not go.
 */
export async function sweepBytes(engine: Engine): Promise<{ swept: number; stuck: number }> {
  const result = { swept: 0, stuck: 0 };
  let names: BlobName[] = [];
  const sweep = async () => {
    const unnamed = await unnamedAmong(engine.store.reads, names);
    names = [];
    if (unnamed.length === 0) return;
    await engine.blobs.erase(unnamed);
    const stuck = [...(await engine.blobs.remaining(unnamed))];
    // Written down, so that a server goes on with them.
    await engine.store.write(async (tx) => await tx.doomed.insert(stuck.map((blob) => toDoomed(engine, blob))));
    result.stuck += stuck.length;
    result.swept += unnamed.length - stuck.length;
    await engine.faults.at('restore:bytes-swept');
  };
  for await (const { name } of engine.blobs.list()) {
    names.push(name);
    if (names.length === batch) await sweep();
  }
  await sweep();
  return result;
}

function toDoomed(engine: Engine, blob: BlobName): DoomedBlob {
  return { blob, ownerId: ownerIn(blob), erasureId: null, since: engine.clock.now() };
}

/** Ids of living calls whose recording is not in the blob store. */
export async function callsWithoutBytes(engine: Engine): Promise<string[]> {
  const missing: string[] = [];
  for (let fromSlot = 0; ; ) {
    const page = await engine.store.reads.artifacts.page(fromSlot, batch);
    const last = page.at(-1);
    if (last === undefined) return missing;
    const stored = page.flatMap(({ blob, blobBytes, ownerId }) =>
      blob === null || blobBytes === null ? [] : [{ blob, ownerId }],
    );
    const there = await engine.blobs.remaining(stored.map((one) => one.blob));
    for (const { blob, ownerId } of stored) if (!there.has(blob)) missing.push(ownerId);
    fromSlot = last.slot + 1;
  }
}
