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
  summary: 'Search the audit log, newest first',
  description:
    'Every condition given must hold; `from` is included, `to` is not. With `Accept: application/x-ndjson` it is the export, ' +
    'as `GET /v1/audit/export` gives it, and like that takes neither `cursor` nor `limit`.',
  scopes: ['audit:read'],
  query: Type.Object({ ...filters, cursor: Type.Optional(Cursor), limit: Type.Optional(Limit) }, strict),
  answers: {
    200: {
      description: 'A page of rows',
      content: Type.Object({ rows: Type.Array(AuditRow), next: Next }, strict),
      also: { media: exportMedia },
    },
  },
  errors: [],
  async handle({ engine, caller, query: { cursor, limit, ...query }, request, reply }) {
    const filter = filterOf(query);
    if (cursor !== undefined && !isId(cursor)) throw invalidField('cursor', 'is not one of a page');
    if (wantsExport(request.headers.accept)) {
      // Who thinks that it has a page must not take a whole audit for one.
      for (const [name, value] of Object.entries({ cursor, limit })) {
        if (value !== undefined) throw invalidField(name, 'is of pages alone, and an export has none');
      }
      await sendExport(engine, caller, filter, reply);
      return undefined;
    }
    const asked = { ...filter, limit: limit ?? 100, ...(cursor !== undefined && { beforeId: cursor }) };
    const { rows, next } = await searchAudit(engine, caller, asked);
    return { status: 200, body: { rows: rows.map(auditRow), next } };
  },
});

function wantsExport(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((one) => one.split(';', 1)[0]?.trim().toLowerCase() === exportMedia);
}
