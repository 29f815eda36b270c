import { newId } from '../../lib/ids.ts';
import type { CallArtifactKind } from '../../model/call.ts';
import {
  type Erasure,
  type ErasureAction,
  type PlanCounts,
  type PlannedItem,
  reachOf,
  unpreviewed,
} from '../../model/erasure.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { digestOf } from '../erasure/plan.ts';
import { isGuarded, needsApproval } from '../guard/needs-approval.ts';
import { callOff } from './expire-plans.ts';
import { heldItems } from './held-items.ts';
import { sealSubject, subjectRow } from './sealed-subject.ts';
import { type Found, type Named, resolveSubject, understand } from './subject.ts';

/** Items written in one transaction, and looked up at a time. */
const itemsPerStep = 2000;

/** What is to be erased, of whom. */
export type AskedPlan = { action: ErasureAction; keepRecording: boolean; named: readonly Named[] };

/** One call or candidate of a plan, and what of it there is to be erased. */
type Reached = PlannedItem & { plannedKinds: CallArtifactKind[] };

/**
 * Makes the plan of a native erasure: what its subject names, frozen, with counts and a digest. Nothing is erased by it, and
 * whatever comes later is no part of it. Returns its id.
 *
 * A plan of many items is written in several steps. Until the last of them it has fewer items than it counts, and is not
 * executed; what a crash leaves of it expires like any other plan.
 */
export async function createPlan(
  engine: Engine,
  caller: Caller,
  { action, keepRecording, named }: AskedPlan,
  keeper: AnswerKeeper = noKeeper,
): Promise<string> {
  requireScope(caller, 'erasures:preview', 'erasures:execute');
  if (named.length === 0) throw new AppError('input_invalid', { message: 'The subject names nothing' });
  if (keepRecording && action !== 'depersonalize') {
    throw new AppError('input_invalid', { message: 'keepRecording goes with the action depersonalize alone' });
  }
  const { tenant } = caller;
  const understood = await understand(tenant, named);
  const found = await resolveSubject(engine, engine.store.reads, tenant, understood, action);
  const held = await heldItems(engine, tenant.id, found);
  const { items, sizes } = await itemsOf(engine, { ...found, held }, { action, keepRecording });
  const counts = { items: items.length, ...sizes, held: held.size };
  const erasure = await toErasure(engine, caller, { action, keepRecording, items, counts });
  const row = await write(engine, caller, { erasure, items, counts, keeper }).catch(async (error) => {
    await callOffLeft(engine, caller, erasure);
    throw error;
  });
  await engine.faults.at('plan:written');
  const identifiers = understood.map((one, i) => ({ ...one, items: found.itemsOf[i] ?? 0 }));
  await sealSubject(engine, row, identifiers);
  await keeper.seal(row);
  return erasure.id;
}

/** Candidates first: what is added to one meanwhile is refused from then on. */
async function itemsOf(
  engine: Engine,
  { ids, candidateIds, held }: Found & { held: ReadonlySet<string> },
  what: Pick<AskedPlan, 'action' | 'keepRecording'>,
): Promise<{ items: Reached[]; sizes: Pick<PlanCounts, 'artifacts' | 'bytes'> }> {
  const { artifacts: kinds } = reachOf(what.action, what);
  const byId = new Map<string, Reached>();
  const add = (id: string, isCandidate: boolean) =>
    byId.set(id, { id, isCandidate, plannedKinds: [], wasHeld: held.has(id) });
  for (const id of candidateIds) add(id, true);
  for (const id of ids) if (!byId.has(id)) add(id, false);
  const sizes = { artifacts: 0, bytes: 0 };
  for (let from = 0; from < ids.length; from += itemsPerStep) {
    const some = ids.slice(from, from + itemsPerStep);
    for (const { ownerId, kind, bytes } of await engine.store.reads.artifacts.sizesOf(some, kinds)) {
      sizes.artifacts += 1;
      sizes.bytes += bytes;
      const reached = kinds.find((one) => one === kind);
      if (reached !== undefined) byId.get(ownerId)?.plannedKinds.push(reached);
    }
  }
  return { items: [...byId.values()], sizes };
}

type Planned = Pick<AskedPlan, 'action' | 'keepRecording'> & { items: readonly PlannedItem[]; counts: PlanCounts };

async function toErasure(
  engine: Engine,
  { tenant, actor }: Caller,
  { action, keepRecording, items, counts }: Planned,
): Promise<Erasure> {
  const now = engine.clock.now();
  const ids = items.map(({ id }) => id);
  return {
    ...unpreviewed,
    id: newId(now),
    tenantId: tenant.id,
    action,
    keepRecording,
    waitsForHolds: true,
    state: 'planned',
    digest: digestOf({ action, keepRecording }, ids),
    actorKind: actor.kind,
    actorId: actor.id,
    createdAt: now,
    unreadableAt: null,
    shreddedAt: null,
    sealedAt: null,
    goneAt: null,
    expiresAt: now + engine.limits.planLifeMs,
    hasCandidates: items.some(({ isCandidate }) => isCandidate),
    counts,
    needsApproval: await needsApproval(engine, engine.store.reads, tenant.id, items.filter(isGuarded).length),
  };
}

type Writing = { erasure: Erasure; items: readonly PlannedItem[]; counts: PlanCounts; keeper: AnswerKeeper };

/** Returns the row of the subject, in which nothing is sealed yet. */
async function write(engine: Engine, caller: Caller, { erasure, items, counts, keeper }: Writing) {
  const { id } = erasure;
  const steps = Math.max(1, Math.ceil(items.length / itemsPerStep));
  return await engine.issuer.withSlots(1, async (slots) => {
    const row = subjectRow(slots[0] ?? 0, erasure);
    for (let step = 0; step < steps; step += 1) {
      const from = step * itemsPerStep;
      await engine.store.write(async (tx) => {
        if (step === 0) {
          await tx.erasures.insert(erasure);
          await tx.artifacts.insert([row]);
        } else await requirePlanned(tx, id);
        await tx.erasures.addPlannedItems(id, from, items.slice(from, from + itemsPerStep));
        if (step === steps - 1) {
          const told = { action: erasure.action, items: counts.items, needsApproval: erasure.needsApproval };
          await tx.audit.append(auditEntry(engine, caller, 'erasure.planned', id, told));
          await keeper.keep(tx, { status: 201, subjectId: id });
        }
        if (step === 0) await engine.issuer.confirm(tx.keys, slots);
      });
    }
    return row;
  });
}

/**
 * What was written of a plan before a later step failed, as it does for the second of two requests under one Idempotency-Key:
 * nobody is told of it, so nobody would call it off. Where this fails too, it expires.
 */
async function callOffLeft(engine: Engine, caller: Caller, { id, tenantId }: Erasure): Promise<void> {
  try {
    const hadSubject = await engine.store.write(async (tx) => {
      if ((await tx.erasures.find(id))?.state !== 'planned') return false;
      await tx.audit.append(auditEntry(engine, caller, 'erasure.cancelled', id, { reason: 'plan_changed' }));
      return await callOff(engine, tx, { id, tenantId }, 'plan_changed');
    });
    if (hadSubject) engine.sealer.request();
  } catch (error) {
    engine.log.warn('erasure.plan_left', { erasureId: id, code: codeOf(error) });
  }
}

/** Somebody may have seen the unfinished plan in a list, and called it off. */
async function requirePlanned(tx: StoreTx, id: string): Promise<void> {
  if ((await tx.erasures.find(id))?.state !== 'planned') throw new AppError('plan_cancelled');
}
