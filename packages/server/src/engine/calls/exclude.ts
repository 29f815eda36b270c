import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { type SessionStanding, sessionStandings } from './call-status.ts';

/**
 * Marks the archived calls of these sessions as `excluded`, all in one commit, and says what is then behind each session
 * id, in the order asked. Nothing is erased, and an excluded call may be purged like any other.
 *
 * Passed over: sessions that are unknown, another tenant's or gone, and calls that are being purged or still uploaded.
 * What is excluded already stays so, without another line in the audit trail.
 */
export async function excludeSessions(
  engine: Engine,
  caller: Caller,
  sessionIds: readonly string[],
): Promise<SessionStanding[]> {
  requireScope(caller, 'calls:write');
  const before = await sessionStandings(engine, caller, sessionIds);
  const complete = before.flatMap((one) =>
    one.kind === 'call' && one.call.status === 'complete' ? [one.call.id] : [],
  );
  if (complete.length === 0) return before;
  await markExcluded(engine, caller, [...new Set(complete)]);
  return await sessionStandings(engine, caller, sessionIds);
}

/** Looks at each call again in its transaction: since it was found, a purge may have begun or ended. */
async function markExcluded(engine: Engine, caller: Caller, callIds: readonly string[]): Promise<void> {
  await engine.store.write(async (tx) => {
    const calls = await tx.calls.findMany(caller.tenant.id, callIds);
    const purged = await gatedByPurge(tx, callIds);
    const excluded = calls.filter(({ id, status }) => status === 'complete' && !purged.has(id));
    if (excluded.length === 0) return;
    for (const { id } of excluded) await tx.calls.update(id, { status: 'excluded' });
    await tx.audit.append(auditEntry(engine, caller, 'call.excluded', null, { calls: excluded.length }));
  });
}
