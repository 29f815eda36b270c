import { createPrivateKey, type KeyObject } from 'node:crypto';
import { openBytes } from '../../keys/sealing.ts';
import { type Artifact, isArchived } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { contextOf } from '../secrets.ts';
import { byTenant, type Look } from './look.ts';
import { isOfCall, type Owner, ownersOf } from './owners.ts';
import type { ProblemCode } from './problem-meanings.ts';
import { checkRecording } from './recordings.ts';

/**
 * Artifacts side by side in one leaf: each has an owner, and a recording its bytes. In a deep look, what is sealed in its
 * row opens under the key of its slot at its place. Whoever brings a call, an event whose call is awaited, a recording
 * that is late or a candidate has not written everything yet.
 *
 * @param keyOf the key of a live slot (a view); undefined for one that is not live, which is another check's business.
 */
export async function checkArtifacts(
  look: Look,
  artifacts: readonly Artifact[],
  keyOf: (slot: number) => Buffer | undefined,
): Promise<void> {
  look.findings.count('artifacts', artifacts.length);
  const owners = await ownersOf(look, artifacts);
  await reportOrphans(
    look,
    artifacts.filter((artifact) => !owners.has(artifact)),
  );
  const coming = await slotsComing(look, artifacts);
  for (const artifact of artifacts) {
    if (look.isDeep) countOfTenant(look, artifact);
    const key = keyOf(artifact.slot);
    if (key === undefined) continue;
    if (look.isDeep && artifact.sealed !== null) checkSealed(look, artifact, artifact.sealed, key);
    const owner = owners.get(artifact);
    if (owner === undefined || !isComplete(owner) || coming.has(artifact.slot)) continue;
    if (artifact.sealed === null) look.findings.problem('artifact_unsealed', nameOf(artifact));
    if (artifact.kind === 'recording') await checkRecording(look, artifact, key);
  }
}

/**
 * True where everything of the owner has been sealed. What is sealed of a user, and the keys that sign the tokens of
 * users and receipts, come when they are next needed.
 */
function isComplete(owner: Owner): boolean {
  switch (owner.kind) {
    case 'call':
      return isArchived(owner.call);
    case 'candidate':
      return owner.candidate.status !== 'ADDING';
    case 'task':
      return owner.task.status !== 'ADDING';
    case 'user':
    case 'server':
      return false;
  }
}

/** Slots of what is on its way to a call that is archived already: somebody has them under a lease. */
async function slotsComing(look: Look, artifacts: readonly Artifact[]): Promise<Set<number>> {
  const unsealed = artifacts.filter((artifact) => isOfCall(artifact) && artifact.sealed === null);
  if (unsealed.length === 0) return new Set();
  const late = await look.reads.lateArtifacts.ofCalls([...new Set(unsealed.map((artifact) => artifact.ownerId))]);
  return new Set(late.map((one) => one.slot));
}

function countOfTenant(look: Look, { tenantId, kind, blobBytes }: Artifact): void {
  if (tenantId === null) return;
  const counts = look.findings.ofTenant(tenantId);
  counts.artifacts[kind] = (counts.artifacts[kind] ?? 0) + 1;
  counts.recordingBytes += blobBytes ?? 0;
}

function checkSealed(look: Look, artifact: Artifact, sealed: Uint8Array, key: Buffer): void {
  const kind = artifact.kind === 'recording' ? 'recording-facts' : artifact.kind;
  try {
    const plain = openBytes(key, { ...contextOf(artifact), kind }, sealed);
    const fault = keyFaultOf(artifact, plain);
    plain.fill(0);
    if (fault !== undefined) look.findings.problem(fault, nameOf(artifact));
  } catch (error) {
    if (!hasCode(error, 'damage')) throw error;
    look.findings.problem('artifact_damaged', nameOf(artifact));
  }
}

/** What is wrong with a key pair; undefined where nothing is, and for all other artifacts. */
function keyFaultOf({ kind }: Artifact, plain: Buffer): ProblemCode | undefined {
  if (kind === 'user-token-key' && !isSigningKey(plain)) return 'user_token_key_malformed';
  if (kind === 'receipt-key' && keyIn(plain)?.asymmetricKeyType !== 'ed25519') return 'receipt_key_malformed';
  return undefined;
}

/** RS512 asks for RSA keys of 2048 bits and more (RFC 7518, section 3.3). */
function isSigningKey(pkcs8: Buffer): boolean {
  const key = keyIn(pkcs8);
  return key?.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}

function keyIn(pkcs8: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } catch {
    return undefined;
  }
}

async function reportOrphans(look: Look, orphans: readonly Artifact[]): Promise<void> {
  for (const [tenantId, mine] of byTenant(orphans)) {
    const owners = mine.filter(isOfCall).map((artifact) => artifact.ownerId);
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

function nameOf(artifact: Artifact): string {
  return `${artifact.kind} of ${artifact.ownerId}, slot ${artifact.slot}`;
}
