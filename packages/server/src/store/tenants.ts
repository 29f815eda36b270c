import { AppError } from '../model/errors.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import { changeOne } from './changes.ts';
import { toTenant } from './rows.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

export function tenantReads(session: Session): StoreReads['tenants'] {
  return {
    async find(by) {
      const row =
        'id' in by
          ? await session.first<Row<'tenant'>>('SELECT * FROM tenant WHERE id = ?', [by.id])
          : await session.first<Row<'tenant'>>('SELECT * FROM tenant WHERE slug = ?', [by.slug]);
      return row && toTenant(row);
    },
    /** By number: the order in which they were made. */
    async list() {
      return (await session.builder.selectFrom('tenant').selectAll().orderBy('number').execute()).map(toTenant);
    },
    async guard(id) {
      const sql = 'SELECT guard_calls, guard_percent FROM tenant WHERE id = ?';
      const row = await session.first<Pick<Row<'tenant'>, 'guard_calls' | 'guard_percent'>>(sql, [id]);
      return { calls: row?.guard_calls ?? null, percent: row?.guard_percent ?? null };
    },
  };
}

export function tenantWrites(session: Session): StoreTx['tenants'] {
  return {
    ...tenantReads(session),
    /** Gives the tenant the next number, never one that was used before. Throws `tenant_exists` for a slug that is taken. */
    async insert(tenant) {
      const row = await session.builder
        .insertInto('tenant')
        .values({ id: tenant.id, slug: tenant.slug, region: tenant.region, created_at: tenant.createdAt })
        .onConflict((conflict) => conflict.column('slug').doNothing())
        .returningAll()
        .executeTakeFirst();
      if (!row) throw new AppError('tenant_exists');
      return toTenant(row);
    },
    /** Throws Bug where there is no such tenant. */
    async setGuard(id, { calls, percent }) {
      const columns = { guard_calls: calls, guard_percent: percent };
      await changeOne(session, { table: 'tenant', by: 'id', key: id }, columns);
    },
  };
}

/** The small number under which a tenant's tokens are kept. Throws `tenant_not_found`. */
export async function tenantNumber(session: Session, tenantId: string): Promise<number> {
  const number = await tenantNumberIfAny(session, tenantId);
  if (number === undefined) throw new AppError('tenant_not_found');
  return number;
}

/** The same, undefined where there is no such tenant. */
export async function tenantNumberIfAny(session: Session, tenantId: string): Promise<number | undefined> {
  const [row] = await session.rows<{ number: number }>('SELECT number FROM tenant WHERE id = ?', [tenantId]);
  return row?.number;
}

/** Looks each tenant's number up once. Throws `tenant_not_found`. */
export class TenantNumbers {
  readonly #session: Session;
  readonly #known = new Map<string, number>();

  constructor(session: Session) {
    this.#session = session;
  }

  async of(tenantId: string): Promise<number> {
    const number = this.#known.get(tenantId) ?? (await tenantNumber(this.#session, tenantId));
    this.#known.set(tenantId, number);
    return number;
  }
}
