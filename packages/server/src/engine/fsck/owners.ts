import {
  type Artifact,
  type Call,
  type CallArtifactKind,
  callArtifactKinds,
  type OtherArtifactKind,
  type SecretKind,
} from '../../model/call.ts';
import type { Candidate, Task } from '../../model/campaign.ts';
import { archiveOwner } from '../access/signing-key.ts';
import { byTenant, type Look } from './look.ts';

/** What an artifact belongs to. `server` is what the server made for itself, a tenant, or a hold. */
export type Owner =
  | { kind: 'call'; call: Call }
  | { kind: 'candidate'; candidate: Candidate }
  | { kind: 'task'; task: Task }
  | { kind: 'user' }
  | { kind: 'server' };

/**
 * The owners of artifacts, each found within the artifact's own tenant; those without one are left out. Details and
 * correlation may be a candidate's, what else a call has may not.
 */
export async function ownersOf(look: Look, artifacts: readonly Artifact[]): Promise<Map<Artifact, Owner>> {
  const owners = new Map<Artifact, Owner>();
  await findCalls(look, artifacts.filter(isOfCall), owners);
  await findCandidates(
    look,
    artifacts.filter((one) => isOfCandidate(one) && !owners.has(one)),
    owners,
  );
  await findTasks(
    look,
    artifacts.filter((one) => one.kind === 'task'),
    owners,
  );
  for (const artifact of artifacts.filter((one) => !isOfCall(one) && one.kind !== 'task')) {
    const owner = await otherOwner(look, artifact);
    if (owner !== undefined) owners.set(artifact, owner);
  }
  return owners;
}

/** True of the kinds that a call has. */
export function isOfCall({ kind }: Pick<Artifact, 'kind'>): boolean {
  return callArtifactKinds.some((one) => one === kind);
}

/** What every candidate has until an erasure takes it. */
export const candidateArtifactKinds = ['details', 'correlation'] as const satisfies CallArtifactKind[];

function isOfCandidate({ kind }: Artifact): boolean {
  return candidateArtifactKinds.some((one) => one === kind);
}

type Found = Map<Artifact, Owner>;

async function findCalls(look: Look, artifacts: readonly Artifact[], found: Found): Promise<void> {
  for (const [tenantId, mine] of byTenant(artifacts)) {
    const calls = byId(await look.reads.calls.findMany(tenantId, idsOf(mine)));
    for (const artifact of mine) {
      const call = calls.get(artifact.ownerId);
      if (call !== undefined) found.set(artifact, { kind: 'call', call });
    }
  }
}

async function findCandidates(look: Look, artifacts: readonly Artifact[], found: Found): Promise<void> {
  for (const [tenantId, mine] of byTenant(artifacts)) {
    const candidates = byId(await look.reads.candidates.findMany(tenantId, idsOf(mine)));
    for (const artifact of mine) {
      const candidate = candidates.get(artifact.ownerId);
      if (candidate !== undefined) found.set(artifact, { kind: 'candidate', candidate });
    }
  }
}

async function findTasks(look: Look, artifacts: readonly Artifact[], found: Found): Promise<void> {
  for (const [tenantId, mine] of byTenant(artifacts)) {
    const tasks = byId(await look.reads.tasks.findMany(tenantId, idsOf(mine)));
    for (const artifact of mine) {
      const task = tasks.get(artifact.ownerId);
      if (task !== undefined) found.set(artifact, { kind: 'task', task });
    }
  }
}

type OtherKind = SecretKind | Exclude<OtherArtifactKind, 'task'>;

async function otherOwner(look: Look, { tenantId, ownerId, kind }: Artifact): Promise<Owner | undefined> {
  const server: Owner = { kind: 'server' };
  // Kinds of calls and tasks have been answered.
  switch (kind as OtherKind) {
    case 'token-signing-key':
    case 'login-key':
    case 'user-token-key':
    case 'receipt-key':
      return tenantId === null && ownerId === archiveOwner ? server : undefined;
    case 'index-key':
    case 'tombstone-key':
      return tenantId === ownerId && look.tenants.some((tenant) => tenant.id === ownerId) ? server : undefined;
    case 'erasure-subject': {
      // An erasure that has ended has forgotten how its subject was named.
      const erasure = await look.reads.erasures.find(ownerId);
      const isOver = erasure === undefined || erasure.state === 'cancelled' || erasure.goneAt !== null;
      return isOver || erasure.tenantId !== tenantId ? undefined : server;
    }
    case 'hold-reason': {
      // A released hold has no reason any more.
      const hold = await look.reads.holds.find(tenantId ?? '', ownerId);
      return hold?.releasedAt === null ? server : undefined;
    }
    case 'user': {
      // A disabled user has no e-mail any more.
      const user = await look.reads.users.find({ id: ownerId });
      return user?.disabledAt === null && user.tenantId === tenantId ? { kind: 'user' } : undefined;
    }
  }
}

function idsOf(artifacts: readonly Artifact[]): string[] {
  return [...new Set(artifacts.map((artifact) => artifact.ownerId))];
}

function byId<Row extends { id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}
