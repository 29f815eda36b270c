import { nextTurn } from '../../lib/next-turn.ts';
import type { StoreReads } from '../../model/store.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Epoch } from '../../model/token-store.ts';
import type { Engine } from '../context.ts';
import type { Findings } from './findings.ts';

/** Rows read in one go. */
export const pageSize = 500;

/** What every check looks at: one instant of the database, and the engine for what lies outside it. */
export type Look = {
  engine: Engine;
  /** All reads of one run see the same instant. */
  reads: StoreReads;
  findings: Findings;
  /** True when everything sealed is to be opened too, and whatever else needs its content. */
  isDeep: boolean;
  tenants: readonly Tenant[];
  /** Living epochs by tenant id, oldest first. */
  epochs: ReadonlyMap<string, readonly Epoch[]>;
  /** When the run began, in ms. */
  now: number;
};

/** Page after page until one is empty, with a turn of the event loop in between. */
export async function* paged<Row, After>(
  first: After,
  read: (after: After) => Promise<readonly Row[]>,
  afterOf: (last: Row) => After,
): AsyncGenerator<readonly Row[]> {
  for (let after = first; ; ) {
    const page = await read(after);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = afterOf(last);
    await nextTurn();
  }
}

/** Rows by tenant, for reads that answer for one tenant at a time. */
export function byTenant<Row extends { tenantId: string | null }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const tenantId = row.tenantId ?? '';
    const group = groups.get(tenantId);
    if (group) group.push(row);
    else groups.set(tenantId, [row]);
  }
  return groups;
}
