import type { StoreReads, StoreTx } from '../model/store.ts';
import { insertOne } from './changes.ts';
import { toAuditEntry, toJson } from './rows.ts';
import type { Session } from './session.ts';

export function auditReads(session: Session): StoreReads['audit'] {
  return {
    /** By id: the order in which they were written, to the millisecond. */
    async page(afterId, limit) {
      const entries = session.builder
        .selectFrom('audit')
        .selectAll()
        .where('id', '>', afterId)
        .orderBy('id')
        .limit(limit);
      return (await entries.execute()).map(toAuditEntry);
    },
  };
}

export function auditWrites(session: Session): StoreTx['audit'] {
  return {
    ...auditReads(session),
    async append(entry) {
      await insertOne(session, 'audit', {
        id: entry.id,
        at: entry.at,
        tenant_id: entry.tenantId,
        actor_kind: entry.actor.kind,
        actor_id: entry.actor.id,
        event: entry.event,
        subject_id: entry.subjectId,
        detail: toJson(entry.detail),
      });
    },
  };
}
