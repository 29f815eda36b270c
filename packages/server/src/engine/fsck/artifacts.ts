import { openBytes } from '../../keys/sealing.ts';
import { type Artifact, type Call, callArtifactKinds, isArchived } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { archiveOwner } from '../access/signing-key.ts';
import { contextOf } from '../secrets.ts';
import { byTenant, type Look } from './look.ts';
import { checkRecording } from './recordings.ts';

/**
 * Artifacts side by side in one leaf: each has an owner, and a recording its bytes. In a deep look, what is sealed in its
 * row opens under the key of its slot at its place. An upload under way has not written everything yet, nor has
 * whoever brings an event whose call is awaited.
 *
 * @param keyOf the key of a live slot (a view); undefined for one that is not live, which is another check's business.
 */
export async function checkArtifacts(
  look: Look,
  artifacts: readonly Artifact[],
  keyOf: (slot: number) => Buffer | undefined,
): Promise<void> {
  look.findings.count('artifacts', artifacts.length);
  const ofCalls = artifacts.filter(isOfCall);
  const calls = await callsOf(look, ofCalls);
  await reportOrphans(
    look,
    ofCalls.filter((artifact) => !calls.has(homeOf(artifact))),
  );
  for (const artifact of artifacts) {
    const call = calls.get(homeOf(artifact));
    if (look.isDeep) countOfTenant(look, artifact);
    if (!isOfCall(artifact)) await checkOwner(look, artifact);
    const key = keyOf(artifact.slot);
    if (key === undefined) continue;
    if (look.isDeep && artifact.sealed !== null && !opens(artifact, artifact.sealed, key)) {
      look.findings.problem('artifact_damaged', nameOf(artifact));
    }
    if (call === undefined || !isArchived(call)) continue;
    if (artifact.sealed === null) look.findings.problem('artifact_unsealed', nameOf(artifact));
    if (artifact.kind === 'recording') await checkRecording(look, artifact, key);
  }
}

function countOfTenant(look: Look, { tenantId, kind, blobBytes }: Artifact): void {
  if (tenantId === null) return;
  const counts = look.findings.ofTenant(tenantId);
  counts.artifacts[kind] = (counts.artifacts[kind] ?? 0) + 1;
  counts.recordingBytes += blobBytes ?? 0;
}

function opens(artifact: Artifact, sealed: Uint8Array, key: Buffer): boolean {
  const kind = artifact.kind === 'recording' ? 'recording-facts' : artifact.kind;
  try {
    openBytes(key, { ...contextOf(artifact), kind }, sealed).fill(0);
    return true;
  } catch (error) {
    if (hasCode(error, 'damage')) return false;
    throw error;
  }
}

function isOfCall(artifact: Artifact): boolean {
  return callArtifactKinds.some((kind) => kind === artifact.kind);
}

/** An owner within its tenant, as one text. */
function homeOf({ tenantId, ownerId }: Pick<Artifact, 'tenantId' | 'ownerId'>): string {
  return `${tenantId}/${ownerId}`;
}

/** Calls that own the artifacts, each found within the artifact's own tenant. */
async function callsOf(look: Look, artifacts: readonly Artifact[]): Promise<Map<string, Call>> {
  const calls = new Map<string, Call>();
  for (const [tenantId, mine] of byTenant(artifacts)) {
    const ids = [...new Set(mine.map((artifact) => artifact.ownerId))];
    for (const call of await look.reads.calls.findMany(tenantId, ids))
      calls.set(homeOf({ tenantId, ownerId: call.id }), call);
  }
  return calls;
}

async function reportOrphans(look: Look, orphans: readonly Artifact[]): Promise<void> {
  for (const [tenantId, mine] of byTenant(orphans)) {
    const owners = mine.map((artifact) => artifact.ownerId);
    const erased = new Set((await look.reads.tombstones.find(tenantId, owners)).map((stone) => stone.callId));
    for (const artifact of mine) {
      const code = erased.has(artifact.ownerId) ? 'artifact_of_erased' : 'artifact_orphaned';
      reportHomeless(look, code, artifact);
    }
  }
}

function reportHomeless(look: Look, code: 'artifact_of_erased' | 'artifact_orphaned', artifact: Artifact): void {
  const { tenantId, ownerId } = artifact;
  const cure = tenantId === null ? undefined : ({ code, kind: 'artifacts', tenantId, ownerId } as const);
  look.findings.problem(code, nameOf(artifact), cure);
}

/** What belongs to a tenant, to the archive or to a hold. A released hold has no reason any more. */
async function checkOwner(look: Look, artifact: Artifact): Promise<void> {
  const { tenantId, ownerId, kind } = artifact;
  const isTenant = tenantId === ownerId && look.tenants.some((tenant) => tenant.id === ownerId);
  const isOwned =
    kind === 'token-signing-key' ? tenantId === null && ownerId === archiveOwner : isTenant || kind === 'hold-reason';
  const hold = kind === 'hold-reason' ? await look.reads.holds.find(tenantId ?? '', ownerId) : undefined;
  const isReleased = kind === 'hold-reason' && hold?.releasedAt !== null;
  if (!isOwned || isReleased) reportHomeless(look, 'artifact_orphaned', artifact);
}

function nameOf(artifact: Artifact): string {
  return `${artifact.kind} of ${artifact.ownerId}, slot ${artifact.slot}`;
}
