import { Type } from 'typebox';
import { searchAudit } from '../../../engine/audit/search-audit.ts';
import { isId } from '../../../lib/ids.ts';
import { invalidField } from '../../json-in.ts';
import { operation } from '../operation.ts';
import { Cursor, Limit, Next, strict } from '../shapes.ts';
import { AuditRow, auditRow, filterOf, filters } from './audit-rows.ts';
import { exportMedia, sendExport } from './send-export.ts';

/** `GET /v1/audit`. */
export const listAuditOperation = operation({
  id: 'listAudit',
  method: 'GET',
  path: '/audit',
  tag: 'Audit',
  summary: 'List what was done, newest first',
  description:
    'Every condition given must hold; `from` is included, `to` is not. With `Accept: application/x-ndjson` it is the export, ' +
    'as `GET /v1/audit/export` gives it.',
  scopes: ['audit:read'],
  query: Type.Object({ ...filters, cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) }, strict),
  answers: {
    200: {
      description: 'A page of rows',
      content: Type.Object({ rows: Type.Array(AuditRow), next: Next }, strict),
    },
  },
  errors: [],
  async handle({ engine, caller, query: { cursor, limit = 100, ...query }, request, reply }) {
    const filter = filterOf(query);
    if (cursor !== undefined && !isId(cursor)) throw invalidField('cursor', 'is not one of a page');
    if (wantsExport(request.headers.accept)) {
      await sendExport(engine, caller, filter, reply);
      return undefined;
    }
    const asked = { ...filter, limit, ...(cursor !== undefined && { beforeId: cursor }) };
    const rows = await searchAudit(engine, caller, asked);
    // A page that is full may be the last one: then the next has no rows.
    const next = rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
    return { status: 200, body: { rows: rows.map(auditRow), next } };
  },
});

function wantsExport(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((one) => one.split(';', 1)[0]?.trim().toLowerCase() === exportMedia);
}
