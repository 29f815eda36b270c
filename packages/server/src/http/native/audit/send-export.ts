import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { exportAudit } from '../../../engine/audit/export-audit.ts';
import type { AuditFilter } from '../../../engine/audit/search-audit.ts';
import type { Caller, Engine } from '../../../engine/context.ts';

/** Newline-delimited JSON. */
export const exportMedia = 'application/x-ndjson';

/**
 * Answers with an export, page by page as the client takes them; when it goes, the reading ends. What fails before the first
 * line fails here, with no header set; what fails later cuts the connection, so that no file that is short looks whole.
 */
export async function sendExport(
  engine: Engine,
  caller: Caller,
  filter: AuditFilter,
  reply: FastifyReply,
): Promise<void> {
  const lines = exportAudit(engine, caller, filter);
  const first = await lines.next();
  reply
    .type(exportMedia)
    .header('cache-control', 'no-store')
    // Whoever checks the whole chain needs the tenant's id: it is what the chain begins with.
    .header('content-disposition', `attachment; filename="audit-${caller.tenant.id}.ndjson"`);
  void reply.send(Readable.from(resumed(first, lines), { objectMode: false }));
}

async function* resumed(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<Buffer> {
  try {
    if (first.done !== true) yield Buffer.from(first.value);
    for await (const lines of rest) yield Buffer.from(lines);
  } finally {
    await rest.return(undefined);
  }
}
