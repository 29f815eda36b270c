import { Type } from 'typebox';
import type { AuditFilter } from '../../../engine/audit/search-audit.ts';
import type { ChainedEntry } from '../../../model/tenant.ts';
import { timeOf } from '../call-body.ts';
import { ActorShape, Id, strict, Time, TimeIn, timeOut } from '../shapes.ts';

/** A row of the audit, as lists have it and as each line of an export does. */
export const AuditRow = Type.Object(
  {
    id: Type.String(),
    at: Time,
    actor: ActorShape,
    event: Type.String({ description: 'What was done, such as `erasure.planned`' }),
    subjectId: Type.Union([Type.String(), Type.Null()], { description: 'What it was done to' }),
    detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]), {
      description: 'Counts and codes',
    }),
    seq: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
      description: 'Its number in the chain, from 1; null for some seconds',
    }),
    chain: Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()], {
      description: 'The chain up to this row: SHA-256, in hex',
    }),
  },
  { ...strict, title: 'AuditRow' },
);

/** What narrows a list, and an export. */
export const filters = {
  event: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  actor: Type.Optional(Id),
  subject: Type.Optional(Id),
  from: Type.Optional(TimeIn),
  to: Type.Optional(TimeIn),
};

type Filters = { event?: string; actor?: string; subject?: string; from?: string; to?: string };

/** What a query asks for. Throws `input_invalid` for a time that is none. */
export function filterOf({ event, actor, subject, from, to }: Filters): AuditFilter {
  return {
    ...(event !== undefined && { event }),
    ...(actor !== undefined && { actorId: actor }),
    ...(subject !== undefined && { subjectId: subject }),
    ...(from !== undefined && { from: timeOf('from', from) }),
    ...(to !== undefined && { to: timeOf('to', to) }),
  };
}

export function auditRow({ id, at, actor, event, subjectId, detail, seq, chain }: ChainedEntry) {
  const hex = chain === null ? null : Buffer.from(chain).toString('hex');
  return { id, at: timeOut(at), actor: { ...actor }, event, subjectId, detail, seq, chain: hex };
}
