import { type Artifact, type Call, noCampaign, untouched } from '../../model/call.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { type Cores, findByCores } from '../identifiers.ts';

/** How long an event is kept whose call has not come. */
export const awaitedMsMax = 24 * 3_600_000;
/** Events that may wait under one identifier: its call takes them all in one transaction. */
export const awaitedMax = 200;
/** Owners read in one go. */
const batch = 100;

/** Kinds of identifier by which events name the calls that they are about. */
export const eventKinds = ['session', 'master', 'case', 'collection'] as const;

/** The row and the artifact of a call that stands for one event until its call comes. */
export function awaitedRow(tenant: Tenant, id: string, slot: number, now: number): { call: Call; details: Artifact } {
  return {
    call: {
      id,
      tenantId: tenant.id,
      kind: 'call',
      source: 'native',
      direction: 'unknown',
      status: 'awaited',
      startedAt: null,
      endedAt: null,
      durationMs: null,
      createdAt: now,
      uploadUntil: null,
      isUploadDoomed: false,
      ...noCampaign,
      ...untouched,
    },
    details: { slot, tenantId: tenant.id, ownerId: id, kind: 'details', sealed: null, blob: null, blobBytes: null },
  };
}

/** All calls, of any status, that carry one of these, oldest first. Takes none of their rows. */
export async function carriers(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  cores: Cores,
): Promise<Call[]> {
  const found: Call[] = [];
  for (let afterId = ''; ; ) {
    const owners = await findByCores(engine, on, tenantId, cores, { afterId, limit: batch });
    found.push(...(await on.calls.peek(tenantId, owners)));
    const last = owners.at(-1);
    if (last === undefined || owners.length < batch) return found;
    afterId = last;
  }
}

/** Those that are awaited, and those that are there or on their way. */
export function sortedByComing(calls: readonly Call[]): { awaited: Call[]; others: Call[] } {
  return {
    awaited: calls.filter((call) => call.status === 'awaited'),
    others: calls.filter((call) => call.status !== 'awaited'),
  };
}
