import { createHash } from 'node:crypto';
import { canonicalJson } from '../../lib/canonical-json.ts';
import type { AuditEntry, ChainedEntry } from '../../model/tenant.ts';

/*
 * How rows of the audit hang together. docs/audit.md says it for those who recompute it by hand; what is written here must
 * never change, or every chain there is would be broken.
 */

/** Bytes of a link. */
export const linkBytes = 32;

/** A row as it is chained and exported: `at` as ISO 8601 in UTC, to the millisecond. */
export type ChainedRow = {
  actor: { id: string; kind: string };
  at: string;
  detail: AuditEntry['detail'];
  event: string;
  id: string;
  seq: number | null;
  subjectId: string | null;
};

/** What stands before the first row: `ownerId` is the tenant's id, or the archive's for the rows of no tenant. */
export function firstLink(ownerId: string): Buffer {
  return createHash('sha256').update(`tacet audit chain 1 ${ownerId}`).digest();
}

/** The link of a row: SHA-256 over the link before it and the canonical JSON (RFC 8785) of the row with its number. */
export function nextLink(before: Uint8Array, row: unknown): Buffer {
  return createHash('sha256').update(before).update(canonicalJson(row)).digest();
}

/** A row as it is chained. `seq` is its number in the chain. */
export function chainedRow(entry: AuditEntry, seq: number | null): ChainedRow {
  const { id, at, actor, event, subjectId, detail } = entry;
  return { actor: { id: actor.id, kind: actor.kind }, at: timeText(at), detail, event, id, seq, subjectId };
}

/** A row as a line of an export, without the line's end. */
export function exportedLine(entry: ChainedEntry): string {
  const chain = entry.chain === null ? null : Buffer.from(entry.chain).toString('hex');
  return canonicalJson({ ...chainedRow(entry, entry.seq), chain });
}

/** A row that was tampered with may have a time that is none: it has a text all the same, and no link that fits. */
function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString();
}
