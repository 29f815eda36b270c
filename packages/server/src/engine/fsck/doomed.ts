import type { DoomedBlob, Erasure } from '../../model/erasure.ts';
import type { StoreReads } from '../../model/store.ts';
import { type Look, paged, pageSize } from './look.ts';

/**
 * Bytes that must go are somebody's business: an erasure's that is not over, or the sweep's of abandoned uploads. No
 * artifact names them any more, and no tombstone says that they are gone.
 */
export async function checkDoomed(look: Look): Promise<void> {
  const read = async (afterBlob: string) => await look.reads.doomed.all(afterBlob, pageSize);
  for await (const page of paged('', read, (last: DoomedBlob) => last.blob)) {
    look.findings.count('doomedBlobs', page.length);
    for (const { lock } of page) if (lock !== undefined) look.findings.locked('blobs', lock.until, look.now);
    const erasures = new Map<string, Erasure | undefined>();
    for (const one of page) {
      if (one.erasureId !== null && !erasures.has(one.erasureId)) {
        erasures.set(one.erasureId, await look.reads.erasures.find(one.erasureId));
      }
      const erasure = one.erasureId === null ? undefined : erasures.get(one.erasureId);
      await checkOne(look, one, erasure);
    }
  }
}

async function checkOne(look: Look, one: DoomedBlob, erasure: Erasure | undefined): Promise<void> {
  const isUnderWay = one.erasureId === null || (erasure !== undefined && (await isUnfinished(look.reads, erasure)));
  if (!isUnderWay) report(look, 'doomed_forgotten', one.blob);
  const artifacts = await look.reads.artifacts.ofOwner(one.ownerId);
  if (artifacts.some((artifact) => artifact.blob === one.blob)) report(look, 'doomed_named', one.blob);
  if (erasure === undefined) return;
  const [stone] = await look.reads.tombstones.find(erasure.tenantId, [one.ownerId]);
  if (stone !== undefined && stone.goneAt !== null) {
    look.findings.problem('tombstone_gone_early', `call ${one.ownerId}`);
  }
}

function report(look: Look, code: 'doomed_forgotten' | 'doomed_named', blob: string): void {
  look.findings.problem(code, `blob ${blob}`, { code, kind: 'doomed', blob });
}

/** True while somebody may still come back for what an erasure has left. */
export async function isUnfinished(reads: Pick<StoreReads, 'erasures'>, erasure: Erasure): Promise<boolean> {
  if (erasure.state === 'running') return true;
  return erasure.state === 'completed_with_failures' && (await reads.erasures.tally(erasure.id)).failed > 0;
}
