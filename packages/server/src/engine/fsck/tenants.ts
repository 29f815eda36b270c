import { archiveOwner } from '../access/signing-key.ts';
import type { Look } from './look.ts';

/**
 * Every tenant has the secrets that its tokens are made with, and every active hold its reason. The key that signs access
 * tokens is there: whoever makes a tenant has made it before.
 */
export async function checkTenants(look: Look): Promise<void> {
  look.findings.count('tenants', look.tenants.length);
  const signing = await look.reads.artifacts.find(archiveOwner, 'token-signing-key');
  if (look.tenants.length > 0 && signing === undefined)
    look.findings.problem('signing_key_missing', 'token-signing-key');
  for (const tenant of look.tenants) {
    for (const kind of ['index-key', 'tombstone-key'] as const) {
      const secret = await look.reads.artifacts.find(tenant.id, kind);
      if (secret === undefined) look.findings.problem('tenant_incomplete', `tenant ${tenant.id}: ${kind}`);
    }
    if ((look.epochs.get(tenant.id) ?? []).length === 0) {
      look.findings.problem('tenant_incomplete', `tenant ${tenant.id}: token epoch`);
    }
    const holds = await look.reads.holds.active(tenant.id);
    look.findings.count('activeHolds', holds.length);
    for (const hold of holds) {
      const reason = await look.reads.artifacts.find(hold.id, 'hold-reason');
      if (reason === undefined) look.findings.problem('hold_without_reason', `hold ${hold.id}`);
    }
  }
}
