import type { Migration } from './migration.ts';

/**
 * What the native API keeps: plans that wait to be executed and what became of them, a guard and retention per tenant, two
 * secrets of a client at once, when credentials were last used, and the chain over the audit.
 */
export const nativeApi: Migration = {
  name: '0007-native-api',
  statements: ({ text, bytes, integer, clustered }) => [
    `ALTER TABLE erasure ADD COLUMN expires_at ${integer}`,
    `ALTER TABLE erasure ADD COLUMN cancel_reason ${text}`,
    `ALTER TABLE erasure ADD COLUMN has_candidates ${integer} NOT NULL DEFAULT 0`,
    `ALTER TABLE erasure ADD COLUMN counts ${text}`,
    `ALTER TABLE erasure ADD COLUMN drift ${text}`,
    `ALTER TABLE erasure ADD COLUMN needs_approval ${integer} NOT NULL DEFAULT 0`,
    `ALTER TABLE erasure ADD COLUMN approved_at ${integer}`,
    `ALTER TABLE erasure ADD COLUMN approver_kind ${text}`,
    `ALTER TABLE erasure ADD COLUMN approver_id ${text}`,
    'CREATE INDEX erasure_listed ON erasure (tenant_id, id)',
    "CREATE INDEX erasure_planned ON erasure (tenant_id, digest) WHERE state = 'planned'",
    "CREATE INDEX erasure_expiring ON erasure (expires_at) WHERE state = 'planned' AND expires_at IS NOT NULL",
    `ALTER TABLE item ADD COLUMN planned_kinds ${integer}`,
    `ALTER TABLE item ADD COLUMN erased_kinds ${integer}`,
    `ALTER TABLE item ADD COLUMN is_candidate ${integer} NOT NULL DEFAULT 0`,

    `ALTER TABLE call ADD COLUMN retain_until ${integer}`,
    'CREATE INDEX call_retained ON call (retain_until) WHERE retain_until IS NOT NULL',
    // Of every archived call, whatever its platform: lists go through it, retention, and the guard that counts. What they
    // leave out is told from the entry alone.
    `CREATE INDEX call_age ON call (tenant_id, coalesce(started_at, created_at), id, kind, source, direction, status)
      WHERE status IN ('complete', 'excluded')`,
    `CREATE TABLE retention (
      tenant_id ${text} NOT NULL, kind ${text} NOT NULL, effective_at ${integer} NOT NULL, days ${integer},
      set_at ${integer} NOT NULL, reaches_existing ${integer} NOT NULL, PRIMARY KEY (tenant_id, kind, effective_at)
    ) ${clustered}`,
    `ALTER TABLE tenant ADD COLUMN guard_calls ${integer}`,
    `ALTER TABLE tenant ADD COLUMN guard_percent ${integer}`,
    `ALTER TABLE hold ADD COLUMN holds_all ${integer} NOT NULL DEFAULT 0`,
    'CREATE INDEX hold_listed ON hold (tenant_id, id)',
    'CREATE INDEX hold_call_named ON hold_call (call_id)',

    `ALTER TABLE client ADD COLUMN old_secret_hash ${text}`,
    `ALTER TABLE client ADD COLUMN old_expires_at ${integer}`,
    `ALTER TABLE client ADD COLUMN last_used_at ${integer}`,
    `ALTER TABLE account ADD COLUMN last_used_at ${integer}`,
    `ALTER TABLE kept_answer ADD COLUMN print ${bytes}`,

    // Numbered once it is chained, in the order in which rows were seen: of two transactions the later may commit first.
    `ALTER TABLE audit ADD COLUMN seq ${integer}`,
    `ALTER TABLE audit ADD COLUMN chain ${bytes}`,
    'CREATE INDEX audit_unchained ON audit (id) WHERE seq IS NULL',
    "CREATE UNIQUE INDEX audit_chained ON audit (coalesce(tenant_id, ''), seq) WHERE seq IS NOT NULL",
    'CREATE INDEX audit_listed ON audit (tenant_id, id)',
    `CREATE TABLE audit_head (
      tenant_id ${text} NOT NULL PRIMARY KEY, seq ${integer} NOT NULL, chain ${bytes} NOT NULL
    ) ${clustered}`,
  ],
};
