import type { GuardBounds } from '../../model/tenant.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { effectiveGuard } from './needs-approval.ts';

/** A tenant's own bounds, null where it has none, and those that its erasures are measured by. */
export type Settings = { guard: GuardBounds; effectiveGuard: GuardBounds<never> };

/** Reads the tenant's settings. */
export async function readSettings(engine: Engine, caller: Caller): Promise<Settings> {
  requireScope(caller, 'admin');
  const { reads } = engine.store;
  const { id } = caller.tenant;
  return { guard: await reads.tenants.guard(id), effectiveGuard: await effectiveGuard(engine, reads, id) };
}

/**
 * Changes the tenant's own bounds of the guard; what is absent stays, and null is what the configuration says. Plans that
 * were made before have to keep tighter bounds when they are executed; one that waits for an approval goes on waiting.
 */
export async function changeSettings(
  engine: Engine,
  caller: Caller,
  { guard }: { guard: Partial<GuardBounds> },
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'admin');
  const { id } = caller.tenant;
  await engine.store.write(async (tx) => {
    // What is told to have been there before must be what was there.
    await tx.locks.take([{ tenantId: id, what: 'settings', digest: id }], 'alone');
    const before = await tx.tenants.guard(id);
    await tx.tenants.setGuard(id, guard);
    const after = await tx.tenants.guard(id);
    const detail = {
      guardCalls: after.calls,
      guardCallsBefore: before.calls,
      guardPercent: after.percent,
      guardPercentBefore: before.percent,
    };
    await tx.audit.append(auditEntry(engine, caller, 'settings.changed', id, detail));
    await keeper.keep(tx, { status: 200, subjectId: id });
  });
}
