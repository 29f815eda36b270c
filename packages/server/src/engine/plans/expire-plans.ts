import type { CancelReason, Erasure } from '../../model/erasure.ts';
import type { StoreTx } from '../../model/store.ts';
import { askerOf, auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { endSubjects } from './sealed-subject.ts';

const batch = 100;

/**
 * Calls off every plan whose time is over. Returns how many; part of upkeep. One that cannot be called off, since the key of
 * its subject lies on a damaged page, does not keep the others from their turn; its failure is thrown in the end.
 */
export async function expirePlans(engine: Engine): Promise<number> {
  const failures = new Map<string, unknown>();
  let expired = 0;
  for (;;) {
    const limit = batch + failures.size;
    const plans = await engine.store.reads.erasures.expired(engine.clock.now(), limit);
    for (const plan of plans.filter(({ id }) => !failures.has(id))) {
      try {
        if (await expirePlan(engine, plan)) expired += 1;
      } catch (error) {
        failures.set(plan.id, error);
      }
    }
    if (plans.length === limit) continue;
    for (const failure of failures.values()) throw failure;
    return expired;
  }
}

/** Calls one off, in a transaction of its own, as its asker. False where it is no plan any more. */
export async function expirePlan(engine: Engine, plan: Erasure): Promise<boolean> {
  const expired = await engine.store.write(async (tx) => {
    if ((await tx.erasures.find(plan.id))?.state !== 'planned') return undefined;
    await tx.audit.append(auditEntry(engine, askerOf(plan), 'erasure.expired', plan.id));
    return { hadSubject: await callOff(engine, tx, plan, 'expired') };
  });
  if (expired?.hadSubject) engine.sealer.request();
  return expired !== undefined;
}

/** In a transaction that has found the plan: it is no plan any more, and how its subject was named is erased. True where there was any of that. */
export async function callOff(
  engine: Engine,
  tx: StoreTx,
  plan: Pick<Erasure, 'id' | 'tenantId'>,
  reason: CancelReason,
): Promise<boolean> {
  await tx.erasures.cancel(plan.id, reason);
  return await endSubjects(engine, tx, [plan]);
}
