import type { Migration } from './migration.ts';

/** Everything that the archive began with. */
export const foundation: Migration = {
  name: '0001-foundation',
  statements: ({ text, bytes, integer, counter, heap, clustered }) => [
    `CREATE TABLE tenant (
      number ${counter}, id ${text} NOT NULL UNIQUE, slug ${text} NOT NULL UNIQUE, region ${text} NOT NULL,
      created_at ${integer} NOT NULL
    ) ${heap}`,
    `CREATE TABLE client (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, secret_hash ${text} NOT NULL, scopes ${text} NOT NULL,
      version ${integer} NOT NULL, created_at ${integer} NOT NULL, expires_at ${integer} NOT NULL,
      disabled_at ${integer}
    ) ${clustered}`,
    'CREATE INDEX client_tenant ON client (tenant_id)',

    // The topmost row. There is one.
    `CREATE TABLE archive (
      one ${integer} NOT NULL PRIMARY KEY CHECK (one = 1), archive_id ${text} NOT NULL, key_id ${text} NOT NULL,
      generation ${integer} NOT NULL, sealed_at ${integer} NOT NULL, is_restoring ${integer} NOT NULL,
      next_leaf ${integer} NOT NULL, page ${bytes} NOT NULL
    ) ${heap}`,
    `CREATE TABLE key_page (place ${integer} NOT NULL PRIMARY KEY, sealed ${bytes} NOT NULL) ${heap}`,
    `CREATE TABLE reservation (
      leaf ${integer} NOT NULL PRIMARY KEY, owner ${text} NOT NULL, lease_until ${integer} NOT NULL
    ) ${heap}`,
    `CREATE TABLE seal (
      generation ${integer} NOT NULL, key_id ${text} NOT NULL, sealed_at ${integer} NOT NULL,
      PRIMARY KEY (generation, key_id)
    ) ${clustered}`,
    `CREATE TABLE journal (
      number ${counter}, id ${text} NOT NULL UNIQUE, kind ${text} NOT NULL, tenant_id ${text}, owner_id ${text}, action ${text},
      slots ${text} NOT NULL, at ${integer} NOT NULL, detail ${text}, copied_by ${integer}
    ) ${heap}`,
    'CREATE INDEX journal_pending ON journal (number) WHERE copied_by IS NULL',

    // `sealed` comes last: what stands behind a long value costs a walk through its overflow pages.
    `CREATE TABLE artifact (
      slot ${integer} NOT NULL PRIMARY KEY, tenant_id ${text}, owner_id ${text} NOT NULL, kind ${text} NOT NULL, blob ${text},
      blob_bytes ${integer}, sealed ${bytes}
    ) ${heap}`,
    'CREATE INDEX artifact_owner ON artifact (owner_id)',
    `CREATE TABLE call (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, kind ${text} NOT NULL, source ${text} NOT NULL,
      direction ${text} NOT NULL, status ${text} NOT NULL, started_at ${integer}, ended_at ${integer},
      duration_ms ${integer}, created_at ${integer} NOT NULL, upload_until ${integer},
      is_upload_doomed ${integer} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX call_upload ON call (upload_until) WHERE upload_until IS NOT NULL',

    `CREATE TABLE epoch (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, number ${integer} NOT NULL, slot ${integer} NOT NULL,
      UNIQUE (tenant_id, number)
    ) ${clustered}`,
    'CREATE INDEX epoch_slot ON epoch (slot)',
    `CREATE TABLE token (
      tenant ${integer} NOT NULL, kind ${integer} NOT NULL, epoch ${integer} NOT NULL, token ${bytes} NOT NULL,
      owner_id ${text} NOT NULL, PRIMARY KEY (tenant, kind, epoch, token, owner_id)
    ) ${clustered}`,
    'CREATE INDEX token_owner ON token (owner_id)',
    `CREATE TABLE tombstone (
      call_id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, shredded_at ${integer} NOT NULL, gone_at ${integer}
    ) ${clustered}`,
    'CREATE INDEX tombstone_gone ON tombstone (gone_at) WHERE gone_at IS NOT NULL',
    `CREATE TABLE tombstone_token (
      tenant ${integer} NOT NULL, kind ${integer} NOT NULL, token ${bytes} NOT NULL, call_id ${text} NOT NULL,
      PRIMARY KEY (tenant, kind, token, call_id)
    ) ${clustered}`,
    'CREATE INDEX tombstone_token_call ON tombstone_token (call_id)',

    `CREATE TABLE erasure (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, action ${text} NOT NULL, keep_recording ${integer} NOT NULL,
      waits_for_holds ${integer} NOT NULL, state ${text} NOT NULL, digest ${text} NOT NULL, actor_kind ${text} NOT NULL,
      actor_id ${text} NOT NULL, created_at ${integer} NOT NULL, unreadable_at ${integer}, shredded_at ${integer},
      sealed_at ${integer}, gone_at ${integer}
    ) ${clustered}`,
    "CREATE INDEX erasure_running ON erasure (id) WHERE state = 'running'",
    'CREATE INDEX erasure_shredded ON erasure (tenant_id, shredded_at) WHERE unreadable_at IS NOT NULL',
    `CREATE TABLE item (
      erasure_id ${text} NOT NULL, seq ${integer} NOT NULL, call_id ${text} NOT NULL, state ${text} NOT NULL, outcome ${text},
      failed_code ${text}, journal_id ${text}, PRIMARY KEY (erasure_id, seq)
    ) ${clustered}`,
    // Of every state: an index of the unfinished alone would be written again at each step of each item.
    'CREATE INDEX item_call ON item (call_id)',
    `CREATE TABLE doomed_blob (
      blob ${text} NOT NULL PRIMARY KEY, owner_id ${text} NOT NULL, erasure_id ${text}, since ${integer} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX doomed_blob_owner ON doomed_blob (owner_id)',
    'CREATE INDEX doomed_blob_unowned ON doomed_blob (since) WHERE erasure_id IS NULL',

    `CREATE TABLE hold (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, placed_at ${integer} NOT NULL, released_at ${integer},
      review_at ${integer}, range_from ${integer}, range_to ${integer}
    ) ${clustered}`,
    'CREATE INDEX hold_active ON hold (tenant_id) WHERE released_at IS NULL',
    `CREATE TABLE hold_call (
      hold_id ${text} NOT NULL, call_id ${text} NOT NULL, PRIMARY KEY (hold_id, call_id)
    ) ${clustered}`,

    `CREATE TABLE job (
      id ${text} NOT NULL PRIMARY KEY, kind ${text} NOT NULL, payload ${text} NOT NULL, run_at ${integer} NOT NULL,
      attempts ${integer} NOT NULL, lease_owner ${text}, lease_until ${integer}, last_error ${text}, finished_at ${integer}
    ) ${clustered}`,
    'CREATE UNIQUE INDEX job_unfinished ON job (kind, payload) WHERE finished_at IS NULL',
    'CREATE INDEX job_due ON job (run_at) WHERE finished_at IS NULL',
    `CREATE TABLE audit (
      id ${text} NOT NULL PRIMARY KEY, at ${integer} NOT NULL, tenant_id ${text}, actor_kind ${text} NOT NULL,
      actor_id ${text} NOT NULL, event ${text} NOT NULL, subject_id ${text}, detail ${text} NOT NULL
    ) ${clustered}`,
  ],
};
