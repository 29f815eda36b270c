import { Type } from 'typebox';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { filterOf, filters } from './audit-rows.ts';
import { exportMedia, sendExport } from './send-export.ts';

/** `GET /v1/audit/export`. */
export const exportAuditOperation = operation({
  id: 'exportAudit',
  method: 'GET',
  path: '/audit/export',
  tag: 'Audit',
  summary: 'Export the audit log, oldest first',
  description:
    'One row a line, as canonical JSON (RFC 8785), streamed. Without a filter it is the whole chain in its order, then the ' +
    'rows of the last seconds, which have no number yet; `tacet audit verify` checks it without the archive.',
  scopes: ['audit:read'],
  query: Type.Object(filters, strict),
  answers: { 200: { description: 'The rows', content: { media: exportMedia } } },
  errors: [],
  async handle({ engine, caller, query, reply }) {
    await sendExport(engine, caller, filterOf(query), reply);
    return undefined;
  },
});
