import type { Item } from '../../model/erasure.ts';
import { destroyUpload } from '../archive/abandoned-uploads.ts';
import { artifactOfSlot } from '../blob-rows.ts';
import { endOverdueArtifact } from '../calls/late-artifacts.ts';
import type { Engine } from '../context.ts';

/**
 * Calls whose uploader, or whoever brings their recording late, has not yet noticed that it was erased: its bytes may still
 * be coming. What is left of one that has let go, or whose lease is over, is destroyed.
 */
export async function stillUploading(engine: Engine, tenantId: string, items: readonly Item[]): Promise<string[]> {
  // Also of calls that another erasure has shredded: whoever stamps the tombstone must know that no bytes will come.
  const callIds = items.map((item) => item.callId);
  const calls = await engine.store.reads.calls.findMany(tenantId, callIds);
  const busy: string[] = [];
  for (const { id, uploadUntil, isUploadDoomed } of calls) {
    if (uploadUntil === null || !isUploadDoomed) continue;
    if (uploadUntil <= engine.clock.now()) await destroyUpload(engine, tenantId, id);
    else busy.push(id);
  }
  for (const late of await engine.store.reads.lateArtifacts.ofCalls(callIds)) {
    // One whose own row is there has been met by no erasure: it may go on.
    if ((await artifactOfSlot(engine.store.reads, late.slot)) !== undefined) continue;
    if (late.leaseUntil <= engine.clock.now()) await endOverdueArtifact(engine, late);
    else busy.push(late.callId);
  }
  return busy;
}
