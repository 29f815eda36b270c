import { nextTurn } from '../../lib/next-turn.ts';
import type { AuditHead, ChainedEntry } from '../../model/tenant.ts';
import { chainedRow, firstLink, nextLink } from '../audit/audit-chain.ts';
import { type JournaledHead, journaledHeads, vouchedSince } from '../audit/journaled-heads.ts';
import { type Look, pageSize } from './look.ts';

/** A worker chains a row within seconds. */
const lateMs = 10 * 60_000;
/** Rows outside every chain that are told one by one; there are more only where no worker runs. */
const unchainedMax = 1000;

/** Where the check of a chain stands. `at` is when its last row was written. */
type Reached = Pick<AuditHead, 'seq' | 'chain'> & { id: string; at: number };

/** A chain: whose, where its head says that it ends, and its ends in the journal, in hex by number. */
type Chain = { tenantId: string | null; head: AuditHead | undefined; journaled: ReadonlyMap<number, string> };

/**
 * Every chain of the audit is the one that its rows give, without a gap, and ends where its head says, and not before an end
 * that the journal has. Each row is hashed anew after the link of the row before it, as stored: so one row that was changed is
 * told once, by its id. Whether the journal is the one that the vault has is looked at elsewhere.
 *
 * Rows without a number are no damage while nobody chains: a process that was down is none. One that is older than ten
 * minutes is, where a row that is more than ten minutes younger ends a chain: rows are chained in the order of their ids,
 * over all tenants. A row from a time that is still to come, written under a wrong clock, proves nothing.
 *
 * @param archiveId what the chain of the rows of no tenant begins with.
 */
export async function checkAudit(look: Look, archiveId: string): Promise<void> {
  const heads = new Map((await look.reads.audit.heads()).map((head) => [head.tenantId, head]));
  const journaled = await journaledHeads(look.reads, vouchedSince(look.now, look.engine.limits));
  look.findings.count('auditSetBack', journaled.setBack);
  const tenantIds = new Set([null, ...look.tenants.map(({ id }) => id), ...heads.keys(), ...journaled.heads.keys()]);
  let youngest = Number.NEGATIVE_INFINITY;
  for (const tenantId of tenantIds) {
    const chain = { tenantId, head: heads.get(tenantId), journaled: byNumber(journaled.heads.get(tenantId)) };
    const begin = { seq: 0, chain: firstLink(tenantId ?? archiveId), id: '', at: Number.NEGATIVE_INFINITY };
    const end = await checkChain(look, chain, begin);
    await checkEnd(look, chain, end);
    if (end.at <= look.now) youngest = Math.max(youngest, end.at);
  }
  await checkUnchained(look, Math.min(look.now, youngest) - lateMs);
}

function byNumber(journaled: readonly JournaledHead[] = []): Chain['journaled'] {
  return new Map(journaled.filter(({ seq }) => seq > 0).map(({ seq, chain }) => [seq, chain]));
}

/** Reads one chain to its end. Pages overlap by a number, or one that is there twice could fall between two of them. */
async function checkChain(look: Look, chain: Chain, begin: Reached): Promise<Reached> {
  const inNumber = new Set<string>();
  let reached = begin;
  for (;;) {
    const page = await look.reads.audit.chain(chain.tenantId, reached.seq - 1, pageSize);
    const rows = page.filter(({ id }) => !inNumber.has(id));
    look.findings.count('auditRows', rows.length);
    for (const row of rows) {
      const { seq } = row;
      if (seq === null) continue;
      if (seq !== reached.seq) inNumber.clear();
      inNumber.add(row.id);
      reached = checkRow(look, chain, reached, { ...row, seq });
    }
    if (rows.length === 0 || page.length < pageSize) return reached;
    await nextTurn();
  }
}

function checkRow(look: Look, on: Chain, before: Reached, row: ChainedEntry & { seq: number }): Reached {
  const { tenantId } = on;
  const { id, at, seq } = row;
  const chain = Buffer.from(row.chain ?? []);
  if (seq === before.seq) {
    look.findings.problem('audit_repeated', `rows ${before.id} and ${id} of ${nameOf(tenantId)}, both ${seq}`);
    return before;
  }
  if (seq > before.seq + 1) reportMissing(look, tenantId, before.seq + 1, seq - 1);
  else if (!nextLink(before.chain, chainedRow(row, seq)).equals(chain)) {
    look.findings.problem('audit_changed', `row ${id} of ${nameOf(tenantId)}, number ${seq}`);
  }
  const journaled = on.journaled.get(seq);
  if (journaled !== undefined && journaled !== chain.toString('hex')) {
    look.findings.problem('audit_rewritten', `rows up to ${id} of ${nameOf(tenantId)}, number ${seq}`);
  }
  return { id, at, seq, chain };
}

async function checkEnd(look: Look, { tenantId, head, journaled }: Chain, end: Reached): Promise<void> {
  const last = Math.max(head?.seq ?? 0, ...journaled.keys());
  if (last > end.seq) reportMissing(look, tenantId, end.seq + 1, last);
  else if (head === undefined ? end.seq > 0 : head.seq !== end.seq || !Buffer.from(head.chain).equals(end.chain)) {
    look.findings.problem('audit_head', `head of ${nameOf(tenantId)}, after ${end.seq}`);
  }
  // That a tenant was created is its first row.
  if (end.seq > 0 || last > 0 || tenantId === null) return;
  const { rows } = await look.reads.audit.search(tenantId, { limit: 1 });
  if (rows.length === 0) look.findings.problem('audit_missing', `every row of ${nameOf(tenantId)}`);
}

function reportMissing(look: Look, tenantId: string | null, from: number, to: number): void {
  look.findings.problem('audit_missing', `rows ${from} to ${to} of ${nameOf(tenantId)}`);
}

async function checkUnchained(look: Look, before: number): Promise<void> {
  if (!Number.isFinite(before)) return;
  for (const { id, tenantId } of await look.reads.audit.unchained(unchainedMax, before)) {
    look.findings.problem('audit_unchained', `row ${id} of ${nameOf(tenantId)}`);
  }
}

function nameOf(tenantId: string | null): string {
  return tenantId === null ? 'the archive' : `tenant ${tenantId}`;
}
