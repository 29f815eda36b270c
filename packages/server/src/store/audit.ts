import { firstIdOf } from '../lib/ids.ts';
import type { AuditSearch } from '../model/record-store.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { chainReads, chainWrites } from './audit-chains.ts';
import { insertOne } from './changes.ts';
import { toAuditEntry, toChainedEntry, toJson } from './rows.ts';
import type { Session } from './session.ts';

export function auditReads(session: Session): StoreReads['audit'] {
  return {
    ...chainReads(session),
    async search(tenantId, asked) {
      return (await searched(session, tenantId, asked).execute()).map(toChainedEntry);
    },
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
    ...chainWrites(session),
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

function searched(session: Session, tenantId: string, asked: AuditSearch) {
  const { limit, beforeId, afterId, event, actorId, subjectId, from, to } = asked;
  const direction = afterId === undefined ? 'desc' : 'asc';
  let rows = session.builder.selectFrom('audit').selectAll().where('tenant_id', '=', tenantId);
  if (beforeId !== undefined) rows = rows.where('id', '<', beforeId);
  if (afterId !== undefined) rows = rows.where('id', '>', afterId);
  if (event !== undefined) rows = rows.where('event', '=', event);
  if (actorId !== undefined) rows = rows.where('actor_id', '=', actorId);
  if (subjectId !== undefined) rows = rows.where('subject_id', '=', subjectId);
  // An id says when its row was written: so a time is found in the index.
  if (from !== undefined) rows = rows.where('id', '>=', firstIdWithin(from));
  if (to !== undefined) rows = rows.where('id', '<', firstIdWithin(to));
  return rows.orderBy('id', direction).limit(limit);
}

/** Ids have 48 bits for a time: every row is after what was before 1970, and before what is farther ahead than they reach. */
function firstIdWithin(ms: number): string {
  return firstIdOf(Math.min(Math.max(0, ms), 2 ** 48 - 1));
}
