import type { Migration } from './migration.ts';

/** Everything that the archive began with. */
export const foundation: Migration = {
  name: '0001-foundation',
  statements: ({ bytes, integer, counter, heap, clustered }) => [
    `CREATE TABLE tenant (
      number ${counter}, id TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE, region TEXT NOT NULL,
      created_at ${integer} NOT NULL
    ) ${heap}`,
    `CREATE TABLE client (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, secret_hash TEXT NOT NULL, scopes TEXT NOT NULL,
      version ${integer} NOT NULL, created_at ${integer} NOT NULL, expires_at ${integer} NOT NULL,
      disabled_at ${integer}
    ) ${clustered}`,
    'CREATE INDEX client_tenant ON client (tenant_id)',

    // The topmost row. There is one.
    `CREATE TABLE archive (
      one ${integer} NOT NULL PRIMARY KEY CHECK (one = 1), archive_id TEXT NOT NULL, key_id TEXT NOT NULL,
      generation ${integer} NOT NULL, sealed_at ${integer} NOT NULL, is_restoring ${integer} NOT NULL,
      next_leaf ${integer} NOT NULL, page ${bytes} NOT NULL
    ) ${heap}`,
    `CREATE TABLE key_page (place ${integer} NOT NULL PRIMARY KEY, sealed ${bytes} NOT NULL) ${heap}`,
    `CREATE TABLE reservation (
      leaf ${integer} NOT NULL PRIMARY KEY, owner TEXT NOT NULL, lease_until ${integer} NOT NULL
    ) ${heap}`,
    `CREATE TABLE seal (
      generation ${integer} NOT NULL, key_id TEXT NOT NULL, sealed_at ${integer} NOT NULL,
      PRIMARY KEY (generation, key_id)
    ) ${clustered}`,
    `CREATE TABLE journal (
      number ${counter}, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, tenant_id TEXT, owner_id TEXT, action TEXT,
      slots TEXT NOT NULL, at ${integer} NOT NULL, detail TEXT, copied_by ${integer}
    ) ${heap}`,
    'CREATE INDEX journal_pending ON journal (number) WHERE copied_by IS NULL',

    // `sealed` comes last: what stands behind a long value costs a walk through its overflow pages.
    `CREATE TABLE artifact (
      slot ${integer} NOT NULL PRIMARY KEY, tenant_id TEXT, owner_id TEXT NOT NULL, kind TEXT NOT NULL, blob TEXT,
      blob_bytes ${integer}, sealed ${bytes}
    ) ${heap}`,
    'CREATE INDEX artifact_owner ON artifact (owner_id)',
    `CREATE TABLE call (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
      direction TEXT NOT NULL, status TEXT NOT NULL, started_at ${integer}, ended_at ${integer},
      duration_ms ${integer}, created_at ${integer} NOT NULL, upload_until ${integer},
      is_upload_doomed ${integer} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX call_upload ON call (upload_until) WHERE upload_until IS NOT NULL',

    `CREATE TABLE epoch (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, number ${integer} NOT NULL, slot ${integer} NOT NULL,
      UNIQUE (tenant_id, number)
    ) ${clustered}`,
    'CREATE INDEX epoch_slot ON epoch (slot)',
    `CREATE TABLE token (
      tenant ${integer} NOT NULL, kind ${integer} NOT NULL, epoch ${integer} NOT NULL, token ${bytes} NOT NULL,
      owner_id TEXT NOT NULL, PRIMARY KEY (tenant, kind, epoch, token, owner_id)
    ) ${clustered}`,
    'CREATE INDEX token_owner ON token (owner_id)',
    `CREATE TABLE tombstone (
      call_id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, shredded_at ${integer} NOT NULL, gone_at ${integer}
    ) ${clustered}`,
    'CREATE INDEX tombstone_gone ON tombstone (gone_at) WHERE gone_at IS NOT NULL',
    `CREATE TABLE tombstone_token (
      tenant ${integer} NOT NULL, kind ${integer} NOT NULL, token ${bytes} NOT NULL, call_id TEXT NOT NULL,
      PRIMARY KEY (tenant, kind, token, call_id)
    ) ${clustered}`,
    'CREATE INDEX tombstone_token_call ON tombstone_token (call_id)',

    `CREATE TABLE erasure (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, action TEXT NOT NULL, keep_recording ${integer} NOT NULL,
      waits_for_holds ${integer} NOT NULL, state TEXT NOT NULL, digest TEXT NOT NULL, actor_kind TEXT NOT NULL,
      actor_id TEXT NOT NULL, created_at ${integer} NOT NULL, unreadable_at ${integer}, shredded_at ${integer},
      sealed_at ${integer}, gone_at ${integer}
    ) ${clustered}`,
    "CREATE INDEX erasure_running ON erasure (id) WHERE state = 'running'",
    'CREATE INDEX erasure_shredded ON erasure (tenant_id, shredded_at) WHERE unreadable_at IS NOT NULL',
    `CREATE TABLE item (
      erasure_id TEXT NOT NULL, seq ${integer} NOT NULL, call_id TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT,
      failed_code TEXT, journal_id TEXT, PRIMARY KEY (erasure_id, seq)
    ) ${clustered}`,
    // Of every state: an index of the unfinished alone would be written again at each step of each item.
    'CREATE INDEX item_call ON item (call_id)',
    `CREATE TABLE doomed_blob (
      blob TEXT NOT NULL PRIMARY KEY, owner_id TEXT NOT NULL, erasure_id TEXT, since ${integer} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX doomed_blob_owner ON doomed_blob (owner_id)',
    'CREATE INDEX doomed_blob_unowned ON doomed_blob (since) WHERE erasure_id IS NULL',

    `CREATE TABLE hold (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, placed_at ${integer} NOT NULL, released_at ${integer},
      review_at ${integer}, range_from ${integer}, range_to ${integer}
    ) ${clustered}`,
    'CREATE INDEX hold_active ON hold (tenant_id) WHERE released_at IS NULL',
    `CREATE TABLE hold_call (
      hold_id TEXT NOT NULL, call_id TEXT NOT NULL, PRIMARY KEY (hold_id, call_id)
    ) ${clustered}`,

    `CREATE TABLE job (
      id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, run_at ${integer} NOT NULL,
      attempts ${integer} NOT NULL, lease_owner TEXT, lease_until ${integer}, last_error TEXT, finished_at ${integer}
    ) ${clustered}`,
    'CREATE UNIQUE INDEX job_unfinished ON job (kind, payload) WHERE finished_at IS NULL',
    'CREATE INDEX job_due ON job (run_at) WHERE finished_at IS NULL',
    `CREATE TABLE audit (
      id TEXT NOT NULL PRIMARY KEY, at ${integer} NOT NULL, tenant_id TEXT, actor_kind TEXT NOT NULL,
      actor_id TEXT NOT NULL, event TEXT NOT NULL, subject_id TEXT, detail TEXT NOT NULL
    ) ${clustered}`,
  ],
};
