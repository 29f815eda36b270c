/** Rows as the store takes them, with ids of their own. A test names only what it is about. */
import { randomBytes } from 'node:crypto';
import { newId } from '../../src/lib/ids.ts';
import { type Artifact, type Call, noCampaign, untouched } from '../../src/model/call.ts';
import type { Candidate, Task } from '../../src/model/campaign.ts';
import { type Erasure, type Hold, type Item, type ItemState, unpreviewed } from '../../src/model/erasure.ts';
import type { JournalEntry } from '../../src/model/key-store.ts';
import type { LateArtifact, Store } from '../../src/model/store.ts';
import type { ApiClient, AuditEntry, KeptAnswer, Tenant, User } from '../../src/model/tenant.ts';
import type { StoredToken } from '../../src/model/token-store.ts';

let madeCount = 0;

/** An id later than all that were made before it. */
export function id(): string {
  madeCount += 1;
  return newId(1_700_000_000_000 + madeCount);
}

export async function addTenant(store: Store): Promise<Tenant> {
  const tenantId = id();
  return await store.write((tx) =>
    tx.tenants.insert({ id: tenantId, slug: `tenant-${madeCount}`, region: 'US', createdAt: 1 }),
  );
}

export function clientOf(tenant: Tenant, change: Partial<ApiClient> = {}): ApiClient {
  return {
    id: id(),
    tenantId: tenant.id,
    secretHash: '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA',
    scopes: ['calls:read', 'erasures:execute'],
    version: 1,
    createdAt: 1,
    expiresAt: 1_800_000_000_000,
    disabledAt: null,
    oldSecretHash: null,
    oldExpiresAt: null,
    lastUsedAt: null,
    ...change,
  };
}

export function callOf(tenant: Tenant, change: Partial<Call> = {}): Call {
  return {
    id: id(),
    tenantId: tenant.id,
    kind: 'call',
    source: 'creovai',
    direction: 'inbound',
    status: 'complete',
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_060_000,
    durationMs: 60_000,
    createdAt: 1_700_000_061_000,
    uploadUntil: null,
    isUploadDoomed: false,
    ...noCampaign,
    ...untouched,
    ...change,
  };
}

/** An upload under way. */
export function uploadOf(tenant: Tenant, uploadUntil: number): Call {
  return callOf(tenant, { status: 'uploading', uploadUntil, startedAt: null, endedAt: null, durationMs: null });
}

/** What owns artifacts and tokens: a call, a candidate, a task, a user. */
type Owner = Pick<Call, 'id' | 'tenantId'>;

export function artifactOf(owner: Owner, slot: number, change: Partial<Artifact> = {}): Artifact {
  return {
    slot,
    tenantId: owner.tenantId,
    ownerId: owner.id,
    kind: 'transcript',
    sealed: Buffer.from(`sealed ${slot}`),
    blob: null,
    blobBytes: null,
    ...change,
  };
}

export function tokenOf(owner: Owner, change: Partial<StoredToken> = {}): StoredToken {
  return { tenantId: owner.tenantId, epoch: 1, kind: 'phone', token: randomBytes(16), ownerId: owner.id, ...change };
}

/** A recording on its way to a call that is there. */
export function lateOf(call: Call, slot: number, leaseUntil: number): LateArtifact {
  return { slot, tenantId: call.tenantId, callId: call.id, leaseUntil };
}

export function taskOf(tenant: Tenant, change: Partial<Task> = {}): Task {
  return {
    id: id(),
    tenantId: tenant.id,
    status: 'READY',
    botId: id(),
    templateId: null,
    day: null,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    ...change,
  };
}

export function candidateOf(task: Task, change: Partial<Candidate> = {}): Candidate {
  return {
    id: id(),
    tenantId: task.tenantId,
    taskId: task.id,
    status: 'PENDING',
    botId: task.botId,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    depersonalizedAt: null,
    ...change,
  };
}

/** A user as it is added: the store gives the number. */
export function userOf(tenant: Tenant, change: Partial<Omit<User, 'number'>> = {}): Omit<User, 'number'> {
  return {
    id: id(),
    tenantId: tenant.id,
    login: randomBytes(32),
    passwordHash: '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA',
    scopes: ['calls:read', 'erasures:execute'],
    version: 1,
    createdAt: 1,
    disabledAt: null,
    lastUsedAt: null,
    ...change,
  };
}

/** What is kept of a request that is still under way. */
export function answerOf(call: Call, change: Partial<KeptAnswer> = {}): KeptAnswer {
  return {
    tenantId: call.tenantId,
    key: randomBytes(16),
    subjectId: call.id,
    status: null,
    sealed: null,
    print: null,
    createdAt: 1,
    ...change,
  };
}

export function erasureOf(tenant: Tenant, change: Partial<Erasure> = {}): Erasure {
  return {
    id: id(),
    tenantId: tenant.id,
    action: 'purge',
    keepRecording: false,
    waitsForHolds: true,
    state: 'planned',
    digest: 'digest of ids',
    actorKind: 'client',
    actorId: id(),
    createdAt: 1,
    unreadableAt: null,
    shreddedAt: null,
    sealedAt: null,
    goneAt: null,
    ...unpreviewed,
    ...change,
  };
}

export function itemOf(erasure: Erasure, seq: number, callId: string, state: ItemState = 'planned'): Item {
  return {
    erasureId: erasure.id,
    seq,
    callId,
    state,
    outcome: null,
    failedCode: null,
    journalId: null,
    lockedSince: null,
    lockedUntil: null,
    plannedKinds: null,
    erasedKinds: null,
    isCandidate: false,
    wasHeld: false,
  };
}

/** Inserts calls, and an erasure of them whose items lie in `states`, in that order. */
export async function addErasure(
  store: Store,
  tenant: Tenant,
  states: readonly ItemState[],
  change: Partial<Erasure> = {},
): Promise<{ erasure: Erasure; calls: Call[] }> {
  const erasure = erasureOf(tenant, change);
  const calls = states.map(() => callOf(tenant));
  const callIds = calls.map((call) => call.id);
  await store.write(async (tx) => {
    for (const call of calls) await tx.calls.insert(call);
    await tx.erasures.insert(erasure);
    await tx.erasures.addItems(erasure.id, 0, callIds);
    for (const [seq, state] of states.entries()) {
      for (const [from, to] of pathTo[state]) await tx.erasures.moveItems(erasure.id, [seq], from, to, {});
    }
  });
  return { erasure, calls };
}

const pathTo: Record<ItemState, readonly [from: ItemState, to: ItemState][]> = {
  planned: [],
  held: [['planned', 'held']],
  failed: [['planned', 'failed']],
  shredded: [['planned', 'shredded']],
  removed: [
    ['planned', 'shredded'],
    ['shredded', 'removed'],
  ],
  verified: [
    ['planned', 'shredded'],
    ['shredded', 'removed'],
    ['removed', 'verified'],
  ],
};

export function holdOf(tenant: Tenant, change: Partial<Hold> = {}): Hold {
  return {
    id: id(),
    tenantId: tenant.id,
    placedAt: 5,
    releasedAt: null,
    reviewAt: null,
    from: null,
    to: null,
    holdsAll: false,
    ...change,
  };
}

export function auditOf(tenant: Tenant, change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: id(),
    at: 1,
    tenantId: tenant.id,
    actor: { kind: 'cli', id: 'cli' },
    event: 'erasure_started',
    subjectId: null,
    detail: {},
    ...change,
  };
}

export function entryOf(change: Partial<JournalEntry> = {}): JournalEntry {
  return {
    id: id(),
    kind: 'item_erased',
    tenantId: null,
    ownerId: null,
    action: null,
    slots: [],
    at: 1,
    detail: null,
    ...change,
  };
}

/** Names slots: every other one by a token epoch, the rest by artifacts. */
export function slotNaming(store: Store): (slots: readonly number[]) => Promise<void> {
  return async (slots) => {
    const tenant = await addTenant(store);
    const call = callOf(tenant);
    await store.write(async (tx) => {
      await tx.artifacts.insert(slots.filter((_, i) => i % 2 === 0).map((slot) => artifactOf(call, slot)));
      for (const slot of slots.filter((_, i) => i % 2 === 1)) {
        await tx.tokens.insertEpoch({ id: id(), tenantId: tenant.id, number: slot, slot });
      }
    });
  };
}
