import { sql } from 'kysely';
import { firstIdOf } from '../lib/ids.ts';
import type { AuditPage, AuditSearch } from '../model/record-store.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { chainReads, chainWrites } from './audit-chains.ts';
import { insertOne } from './changes.ts';
import { toAuditEntry, toChainedEntry, toJson } from './rows.ts';
import type { Session } from './session.ts';

/** Rows looked at for one page: some 20 ms. */
const walkedMost = 20_000;

export function auditReads(session: Session): StoreReads['audit'] {
  return {
    ...chainReads(session),
    search: (tenantId, asked) => searched(session, tenantId, asked),
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

/** The page, and the id to go on from. */
async function searched(session: Session, tenantId: string, asked: AuditSearch): Promise<AuditPage> {
  const { limit, event, actorId, subjectId, most = walkedMost } = asked;
  const inTime = within(session, tenantId, asked);
  // What is asked of a subject is found by it; whatever else no index has is looked for among so many rows.
  const walks = subjectId === undefined && (event !== undefined || actorId !== undefined);
  let rows = session.builder.selectFrom((walks ? inTime.limit(most) : inTime).as('looked')).selectAll();
  if (event !== undefined) rows = rows.where('event', '=', event);
  if (actorId !== undefined) rows = rows.where('actor_id', '=', actorId);
  const direction = directionOf(asked);
  const found = (await rows.orderBy('id', direction).limit(limit).execute()).map(toChainedEntry);
  if (found.length === limit) return { rows: found, next: found.at(-1)?.id ?? null };
  if (!walks) return { rows: found, next: null };
  const [last] = await inTime
    .clearSelect()
    .select('id')
    .offset(most - 1)
    .limit(1)
    .execute();
  return { rows: found, next: last?.id ?? null };
}

/** All rows of the time and subject that are asked for, in their order. */
function within(session: Session, tenantId: string, asked: AuditSearch) {
  const { beforeId, afterId, subjectId, from, to } = asked;
  let rows = session.builder.selectFrom('audit').selectAll();
  if (subjectId === undefined) rows = rows.where('tenant_id', '=', tenantId);
  // A subject has few rows, a tenant millions: the expression keeps a planner from taking the tenant's index.
  else rows = rows.where('subject_id', '=', subjectId).where(sql`tenant_id || ''`, '=', tenantId);
  if (beforeId !== undefined) rows = rows.where('id', '<', beforeId);
  if (afterId !== undefined) rows = rows.where('id', '>', afterId);
  // An id says when its row was written: so a time is found in the index.
  if (from !== undefined) rows = rows.where('id', '>=', firstIdWithin(from));
  if (to !== undefined) rows = rows.where('id', '<', firstIdWithin(to));
  return rows.orderBy('id', directionOf(asked));
}

function directionOf({ afterId }: AuditSearch): 'asc' | 'desc' {
  return afterId === undefined ? 'desc' : 'asc';
}

/** Ids have 48 bits for a time: every row is after what was before 1970, and before what is farther ahead than they reach. */
function firstIdWithin(ms: number): string {
  return firstIdOf(Math.min(Math.max(0, ms), 2 ** 48 - 1));
}
