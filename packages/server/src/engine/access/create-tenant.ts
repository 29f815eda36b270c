import { newId } from '../../lib/ids.ts';
import { AppError } from '../../model/errors.ts';
import { parseRegion } from '../../model/phone.ts';
import type { Tenant } from '../../model/tenant.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Engine } from '../context.ts';
import { secretRow } from '../secrets.ts';
import { operator } from './operator.ts';

/**
 * Creates a tenant with its index key, tombstone key and first token epoch, all in one commit.
 *
 * @param slug 1 to 63 lower-case letters, digits and inner hyphens; throws `tenant_exists` for one that is taken.
 * @param region two-letter country in which numbers without a country code are read.
 */
export async function createTenant(engine: Engine, asked: { slug: string; region: string }): Promise<Tenant> {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(asked.slug)) {
    const message = 'A tenant name has 1 to 63 lower-case letters, digits and inner hyphens';
    throw new AppError('input_invalid', { message });
  }
  const region = parseRegion(asked.region);
  return await engine.issuer.withSlots(3, async (slots) => await insert(engine, asked.slug, region, slots));
}

async function insert(engine: Engine, slug: string, region: string, slots: readonly number[]): Promise<Tenant> {
  const [indexSlot = 0, tombstoneSlot = 0, epochSlot = 0] = slots;
  return await engine.store.write(async (tx) => {
    if ((await tx.tenants.find({ slug })) !== undefined) throw new AppError('tenant_exists');
    const now = engine.clock.now();
    const tenant = await tx.tenants.insert({ id: newId(now), slug, region, createdAt: now });
    await tx.artifacts.insert([
      secretRow(indexSlot, tenant.id, tenant.id, 'index-key'),
      secretRow(tombstoneSlot, tenant.id, tenant.id, 'tombstone-key'),
    ]);
    await tx.audit.append(auditEntry(engine, { actor: operator, tenantId: tenant.id }, 'tenant.created', tenant.id));
    await engine.issuer.confirm(tx.keys, slots);
    await engine.epochs.beginIn(tx, tenant.id, epochSlot);
    return tenant;
  });
}
