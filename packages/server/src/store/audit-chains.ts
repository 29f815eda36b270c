import { Bug } from '../model/errors.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import type { AuditHead } from '../model/tenant.ts';
import { batches, columnsOf, perBatch } from './batches.ts';
import { takeNamed } from './locks.ts';
import { toAuditEntry, toChainedEntry } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

/** The archive's own rows have no tenant, and a primary key takes no null. */
const archivesOwn = '';

export function chainReads(session: Session): Pick<StoreReads['audit'], 'unchained' | 'chain' | 'heads'> {
  return {
    async unchained(limit, before) {
      const early = before === undefined ? '' : ' AND at < ?';
      const sql = `SELECT * FROM audit WHERE seq IS NULL${early} ORDER BY id LIMIT ?`;
      const rows = await session.rows<Row<'audit'>>(sql, [...(before === undefined ? [] : [before]), limit]);
      return rows.map(toAuditEntry);
    },
    async chain(tenantId, afterSeq, limit) {
      // As in the index.
      const sql = `SELECT * FROM audit WHERE coalesce(tenant_id, '') = ? AND seq IS NOT NULL AND seq > ?
        ORDER BY seq LIMIT ?`;
      const rows = await session.rows<Row<'audit'>>(sql, [tenantId ?? archivesOwn, afterSeq, limit]);
      return rows.map(toChainedEntry);
    },
    /** By tenant, the archive's own first. */
    async heads() {
      return (await session.rows<Row<'audit_head'>>('SELECT * FROM audit_head ORDER BY tenant_id', [])).map(toHead);
    },
  };
}

/** Takes a table with these three columns. */
const linkGiven = (given: string) => `WITH given (id, seq, chain) AS (${given})
  UPDATE audit SET seq = given.seq, chain = given.chain FROM given WHERE audit.id = given.id AND audit.seq IS NULL`;

const linkBatch = perBatch((size) => linkGiven(`VALUES ${Array.from({ length: size }, () => '(?, ?, ?)').join(', ')}`));
const linkTypes = ['text', 'integer', 'bytes'] as const;

export function chainWrites(session: Session): Pick<StoreTx['audit'], 'takeChains' | 'link' | 'setHead'> {
  const { unnested } = session.dialect;
  return {
    takeChains: () => takeNamed(session, 'chains of the audit', 'alone'),
    /** Throws Bug when one of them is not there, or in a chain already: a link that was made is never made anew. */
    async link(entries) {
      if (entries.length === 0) return;
      const rows = entries.map(({ id, seq, chain }) => [id, seq, chain]);
      let changed = 0;
      if (unnested !== null) {
        const sql = linkGiven(`SELECT * FROM ${unnested(linkTypes)}`);
        changed = await session.change(sql, columnsOf(rows, linkTypes.length));
      } else for (const batch of batches(rows)) changed += await session.change(linkBatch(batch), batch.flat());
      if (changed !== entries.length) throw new Bug('not every row to be chained is there and in no chain');
    },
    async setHead({ tenantId, seq, chain, journaledSeq, journaledAt }) {
      const sql = `INSERT INTO audit_head (tenant_id, seq, chain, journaled_seq, journaled_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, chain = excluded.chain,
          journaled_seq = excluded.journaled_seq, journaled_at = excluded.journaled_at`;
      await session.change(sql, [tenantId ?? archivesOwn, seq, chain, journaledSeq, journaledAt]);
    },
  };
}

function toHead(row: Row<'audit_head'>): AuditHead {
  return {
    tenantId: row.tenant_id === archivesOwn ? null : row.tenant_id,
    seq: row.seq,
    chain: row.chain,
    journaledSeq: row.journaled_seq,
    journaledAt: row.journaled_at,
  };
}
