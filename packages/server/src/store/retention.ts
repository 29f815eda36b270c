import type { StoreReads, StoreTx } from '../model/store.ts';
import type { Retention } from '../model/tenant.ts';
import { toFlag } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function retentionReads(session: Session): StoreReads['retention'] {
  return {
    async ofTenant(tenantId) {
      const sql = 'SELECT * FROM retention WHERE tenant_id = ? ORDER BY kind, effective_at';
      return (await session.rows<Row<'retention'>>(sql, [tenantId])).map(toRetention);
    },
  };
}

export function retentionWrites(session: Session): StoreTx['retention'] {
  return {
    ...retentionReads(session),
    async set({ tenantId, kind, effectiveAt, days, setAt, reachesExisting }) {
      const sql = `INSERT INTO retention (tenant_id, kind, effective_at, days, set_at, reaches_existing)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, kind, effective_at) DO UPDATE
        SET days = excluded.days, set_at = excluded.set_at, reaches_existing = excluded.reaches_existing`;
      await session.change(sql, [tenantId, kind, effectiveAt, days, setAt, toFlag(reachesExisting)]);
    },
    async delete(tenantId, kind, effectiveAt) {
      const sql = 'DELETE FROM retention WHERE tenant_id = ? AND kind = ? AND effective_at = ?';
      await session.change(sql, [tenantId, kind, effectiveAt]);
    },
  };
}

function toRetention(row: Row<'retention'>): Retention {
  return {
    tenantId: row.tenant_id,
    kind: row.kind,
    effectiveAt: row.effective_at,
    days: row.days,
    setAt: row.set_at,
    reachesExisting: row.reaches_existing === 1,
  };
}
