import type { Artifact, Call } from '../../model/call.ts';
import type { LateArtifact } from '../../model/store.ts';
import { artifactOfSlot } from '../blob-rows.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';

/**
 * What is on its way to a call that is archived already has the call, and an artifact in which nothing is sealed yet. Where
 * an erasure has taken either, the row stays until nobody brings bytes any more; and whether its lease still stands is not
 * asked, since the sweep comes for those whose bearer is gone.
 */
export async function checkLateArtifacts(look: Look): Promise<void> {
  const read = async (afterSlot: number) => await look.reads.lateArtifacts.page(afterSlot, pageSize);
  for await (const page of paged(-1, read, (last: LateArtifact) => last.slot)) {
    look.findings.count('lateArtifacts', page.length);
    for (const [tenantId, late] of byTenant(page)) await checkOfTenant(look, tenantId, late);
  }
}

async function checkOfTenant(look: Look, tenantId: string, all: readonly LateArtifact[]): Promise<void> {
  const callIds = [...new Set(all.map((one) => one.callId))];
  const calls = new Map((await look.reads.calls.findMany(tenantId, callIds)).map((call) => [call.id, call]));
  const purged = new Set((await look.reads.tombstones.find(tenantId, callIds)).map((stone) => stone.callId));
  for (const late of all) {
    const call = calls.get(late.callId);
    const isErased = purged.has(late.callId) || (call !== undefined && isErasedInPart(call));
    const artifact = await artifactOfSlot(look.reads, late.slot);
    const isRight = artifact === undefined ? isErased : call !== undefined && isComing(artifact, late);
    if (!isRight) look.findings.problem('late_artifact_astray', `slot ${late.slot} of call ${late.callId}`);
  }
}

function isComing({ tenantId, ownerId, sealed }: Artifact, late: LateArtifact): boolean {
  return tenantId === late.tenantId && ownerId === late.callId && sealed === null;
}

function isErasedInPart({ depersonalizedAt, recordingErasedAt }: Call): boolean {
  return depersonalizedAt !== null || recordingErasedAt !== null;
}
