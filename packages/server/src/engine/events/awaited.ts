import { journalEntry } from '../../keys/journal-entries.ts';
import type { Artifact, Call, Identifier } from '../../model/call.ts';
import { codeOf } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Tenant } from '../../model/tenant.ts';
import { clearUpload, destroyUpload } from '../archive/abandoned-uploads.ts';
import { openJson } from '../artifacts.ts';
import type { Engine } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { type Cores, coresOf, findByCores } from '../identifiers.ts';
import { type LateMetadata, sealEvent } from './sealed-event.ts';

/** How long an event is kept whose call has not come. */
export const awaitedMsMax = 24 * 3_600_000;
/** Owners read, or awaited calls ended, in one go. */
const batch = 100;

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
    },
    details: { slot, tenantId: tenant.id, ownerId: id, kind: 'details', sealed: null, blob: null, blobBytes: null },
  };
}

/** Awaited calls that carry an identifier, oldest first. */
export async function awaitedOf(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenant: Tenant,
  identifier: Identifier,
): Promise<Call[]> {
  const cores = (await coresOf(engine, tenant, [identifier])).map(({ core }) => core);
  const calls = await carriers(engine, on, tenant.id, { kind: identifier.kind, cores });
  return calls.filter((call) => call.status === 'awaited');
}

/** All calls, of any status, that carry one of these, oldest first. */
export async function carriers(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  cores: Cores,
): Promise<Call[]> {
  const found: Call[] = [];
  for (let afterId = ''; ; ) {
    const owners = await findByCores(engine, on, tenantId, cores, { afterId, limit: batch });
    found.push(...(await on.calls.findMany(tenantId, owners)));
    const last = owners.at(-1);
    if (last === undefined || owners.length < batch) return found;
    afterId = last;
  }
}

/** Kinds of identifier by which events name the call that they are about. */
const eventKinds: readonly Identifier['kind'][] = ['session', 'master', 'case', 'collection'];

/**
 * Gives a call that has just come the events that waited for it, in the transaction that makes it visible: each is sealed
 * anew under the call's own slot, and the keys under which it waited are destroyed.
 */
export async function absorbAwaited(
  engine: Engine,
  tx: StoreTx,
  tenant: Tenant,
  call: { details: Artifact; identifiers: readonly Identifier[] },
): Promise<void> {
  if (!(await tx.calls.anyAwaited(tenant.id))) return;
  const awaited = new Map<string, Call>();
  for (const identifier of call.identifiers.filter(({ kind }) => eventKinds.includes(kind))) {
    for (const one of await awaitedOf(engine, tx, tenant, identifier)) awaited.set(one.id, one);
  }
  const ids = [...awaited.keys()];
  // What a purge is about to shred is the purge's.
  const gated = await gatedByPurge(tx, ids);
  for (const id of ids.sort().filter((one) => !gated.has(one))) {
    const event = await openAwaited(engine, tx, id);
    if (event === 'damaged') continue;
    if (event !== undefined) await tx.events.insert([await sealEvent(engine, call.details, event)]);
    await endAwaited(engine, tx, tenant.id, id);
  }
}

type Waiting = { id: string; receivedAt: number; late: LateMetadata };

/** Undefined for one whose sender died before it was written. Damage must not keep a call from being archived. */
async function openAwaited(engine: Engine, tx: StoreTx, id: string): Promise<Waiting | undefined | 'damaged'> {
  const details = await tx.artifacts.find(id, 'details');
  if (!details?.sealed) return undefined;
  try {
    const { receivedAt, late } = await openJson<Omit<Waiting, 'id'>>(engine, details);
    return { id, receivedAt, late };
  } catch (error) {
    engine.log.error('event.not_opened', { callId: id, code: codeOf(error) });
    return 'damaged';
  }
}

async function endAwaited(engine: Engine, tx: StoreTx, tenantId: string, id: string): Promise<void> {
  const { slots: named } = await clearUpload(engine, tx, id);
  const slots = await engine.tree.destroy(tx.keys, named);
  const what = { tenantId, ownerId: id, slots };
  await tx.keys.appendJournal([journalEntry('upload_abandoned', engine.clock.now(), what)]);
}

/** Destroys events whose calls have not come in a day. Returns how many. */
export async function sweepAwaited(engine: Engine): Promise<number> {
  let destroyed = 0;
  const before = engine.clock.now() - awaitedMsMax;
  for (let after: Call | undefined; !engine.stopping.aborted; ) {
    const old = await engine.store.reads.calls.awaitedSince(before, batch, after);
    for (const call of old) {
      if ((await destroyUpload(engine, call.tenantId, call.id)) === 'destroyed') destroyed += 1;
    }
    after = old.at(-1);
    if (old.length < batch) break;
  }
  return destroyed;
}
