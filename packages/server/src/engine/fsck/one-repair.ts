import { AppError } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { AuditEntry } from '../../model/tenant.ts';
import { operator } from '../access/operator.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import type { CodeList } from './findings.ts';
import type { ProblemCode } from './problem-meanings.ts';

/** What repairs work with. */
export type Repairs = {
  engine: Engine;
  /** Told of every repair that was done. */
  done: CodeList;
};

/** What a repair changed: whose it was, in ids. `what` is how the report names it. */
export type Repaired = {
  what: string;
  tenantId: string | null;
  subjectId: string | null;
  ids?: AuditEntry['detail'];
};

/**
 * One repair: a small transaction of its own, in which `work` looks again whether the problem is still there (undefined:
 * it is not, or not safely to be repaired) and which writes the audit row. True when something was repaired.
 *
 * A repair that meets damage is left: the second look tells that its problem is still there.
 */
export async function repairOne(
  { engine, done }: Repairs,
  code: ProblemCode,
  work: (tx: StoreTx) => Promise<Repaired | undefined>,
): Promise<boolean> {
  try {
    const repaired = await engine.store.write(async (tx) => {
      const changed = await work(tx);
      if (changed === undefined) return undefined;
      const who = { actor: operator, tenantId: changed.tenantId };
      await tx.audit.append(auditEntry(engine, who, 'fsck.repaired', changed.subjectId, { code, ...changed.ids }));
      await engine.faults.at('fsck:cleared');
      return changed;
    });
    if (repaired === undefined) return false;
    done.add(code, repaired.what);
    await engine.faults.at('fsck:repaired');
    return true;
  } catch (error) {
    if (!isOfThisAlone(error)) throw error;
    engine.log.warn('fsck.repair_failed', { problem: code, code: error.code });
    return false;
  }
}

/** Damage that one repair meets says nothing about the next; a busy store or a full disk does. */
function isOfThisAlone(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === 'damage' || error.code === 'key_destroyed');
}
