import type { CallKind } from './call.ts';
import type { AuditEntry, AuditHead, ChainedEntry, Retention } from './tenant.ts';

/** What rows of the audit are asked for. Every condition given must hold. Times in ms, `from` included, `to` not. */
export type AuditSearch = {
  limit: number;
  /** Rows written before this one, newest first; without `afterId` from the newest. */
  beforeId?: string;
  /** Rows written after this one, oldest first. */
  afterId?: string;
  event?: string;
  actorId?: string;
  subjectId?: string;
  from?: number;
  to?: number;
  /** Rows looked at for one page, where events or actors are asked for: 20,000 unless told. */
  most?: number;
};

/** Rows of the audit; `next` is the id from which to go on, null at the end. A page may have few rows, or none, and a next. */
export type AuditPage = { rows: ChainedEntry[]; next: string | null };

/** The audit with its chains, and what calls are kept for. Reads. */
export interface RecordReads {
  audit: {
    /** By id, ascending, after `afterId`. All tenants. */
    page(afterId: string, limit: number): Promise<AuditEntry[]>;
    /** A tenant's rows. */
    search(tenantId: string, asked: AuditSearch): Promise<AuditPage>;
    /** Rows that no chain holds yet, by id, ascending; of those only the ones written before `before`. All tenants. */
    unchained(limit: number, before?: number): Promise<AuditEntry[]>;
    /** Rows of one chain by `seq`, ascending, after `afterSeq`. `tenantId` null is the archive's own. */
    chain(tenantId: string | null, afterSeq: number, limit: number): Promise<ChainedEntry[]>;
    heads(): Promise<AuditHead[]>;
  };
  retention: {
    /** By kind and `effectiveAt`, ascending: those in force, those that are to be, and those that were. */
    ofTenant(tenantId: string): Promise<Retention[]>;
  };
}

/** The same in a write transaction. */
export interface RecordWrites {
  audit: RecordReads['audit'] & {
    append(entry: AuditEntry): Promise<void>;
    /** Whoever chains takes this first: one at a time, over all tenants. */
    takeChains(): Promise<void>;
    link(entries: readonly { id: string; seq: number; chain: Uint8Array }[]): Promise<void>;
    setHead(head: AuditHead): Promise<void>;
  };
  retention: RecordReads['retention'] & {
    /** Adds one, or replaces that of the same moment. */
    set(retention: Retention): Promise<void>;
    delete(tenantId: string, kind: CallKind, effectiveAt: number): Promise<void>;
  };
}
