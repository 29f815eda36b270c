import { firstIdOf, idTime } from '../../lib/ids.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { ChainedEntry } from '../../model/tenant.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { exportedLine } from './audit-chain.ts';
import type { AuditFilter } from './search-audit.ts';

/** Rows read in one go; with their lines all that is ever in memory. */
const pageSize = 500;
/** Longer than any transaction takes: what commits late has an id from before. */
const lateMs = 10 * 60_000;

type Reading = { engine: Pick<Engine, 'store'>; tenantId: string };

/**
 * The tenant's audit as newline-delimited JSON, oldest first, a page of lines at a time. Reads a page when somebody takes the
 * one before, so memory does not grow with the audit.
 *
 * Without a filter it is the chain in its order, then the rows of the last seconds, which have no number yet. With one, rows
 * come in the order of their ids. A row that is written meanwhile may be in it or not.
 */
export function exportAudit(
  engine: Pick<Engine, 'store' | 'clock'>,
  caller: Caller,
  filter: AuditFilter,
): AsyncGenerator<string> {
  requireScope(caller, 'audit:read');
  const reading = { engine, tenantId: caller.tenant.id };
  return Object.keys(filter).length === 0 ? wholeChain(reading, engine.clock.now()) : filtered(reading, filter);
}

async function* wholeChain(reading: Reading, now: number): AsyncGenerator<string> {
  const { audit } = reading.engine.store.reads;
  // Looked up first, so that a row which is chained while the chain is read is met on one of the two ways.
  const [oldest] = await audit.unchained(1);
  let reached = 0;
  for (;;) {
    const rows = await audit.chain(reading.tenantId, reached, pageSize);
    if (rows.length > 0) yield linesOf(rows);
    reached = rows.at(-1)?.seq ?? reached;
    if (rows.length < pageSize) break;
    await nextTurn();
  }
  const since = Math.min(now, oldest === undefined ? now : idTime(oldest.id)) - lateMs;
  for await (const rows of pages(reading, firstIdOf(Math.max(0, since)), {})) {
    const rest = rows.filter(({ seq }) => seq === null || seq > reached);
    if (rest.length > 0) yield linesOf(rest);
  }
}

async function* filtered(reading: Reading, filter: AuditFilter): AsyncGenerator<string> {
  for await (const rows of pages(reading, '', filter)) yield linesOf(rows);
}

async function* pages(
  { engine, tenantId }: Reading,
  afterId: string,
  filter: AuditFilter,
): AsyncGenerator<readonly ChainedEntry[]> {
  for (let after = afterId; ; ) {
    const { rows, next } = await engine.store.reads.audit.search(tenantId, {
      ...filter,
      afterId: after,
      limit: pageSize,
    });
    if (rows.length > 0) yield rows;
    if (next === null) return;
    after = next;
    await nextTurn();
  }
}

function linesOf(rows: readonly ChainedEntry[]): string {
  return rows.map((row) => `${exportedLine(row)}\n`).join('');
}
