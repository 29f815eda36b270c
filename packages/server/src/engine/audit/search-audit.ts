import type { AuditPage, AuditSearch } from '../../model/record-store.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';

/** What rows are asked for; every condition given must hold. Times in ms, `from` included, `to` not. */
export type AuditFilter = Pick<AuditSearch, 'event' | 'actorId' | 'subjectId' | 'from' | 'to'>;

/** A page of the tenant's audit, newest first: the rows written before `beforeId`. */
export async function searchAudit(
  engine: Pick<Engine, 'store'>,
  caller: Caller,
  asked: AuditFilter & { limit: number; beforeId?: string },
): Promise<AuditPage> {
  requireScope(caller, 'audit:read');
  return await engine.store.reads.audit.search(caller.tenant.id, asked);
}
