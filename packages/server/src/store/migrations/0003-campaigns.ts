import type { Migration } from './migration.ts';

/** Campaigns, users, what a platform says of its calls, and calls that are erased in part. */
export const campaigns: Migration = {
  name: '0003-campaigns',
  statements: ({ bytes, integer, counter, heap, clustered }) => [
    'ALTER TABLE call ADD COLUMN dial_status TEXT',
    'ALTER TABLE call ADD COLUMN candidate_id TEXT',
    'ALTER TABLE call ADD COLUMN task_id TEXT',
    'ALTER TABLE call ADD COLUMN bot_id TEXT',
    `ALTER TABLE call ADD COLUMN updated_at ${integer}`,
    `ALTER TABLE call ADD COLUMN depersonalized_at ${integer}`,
    `ALTER TABLE call ADD COLUMN recording_erased_at ${integer}`,
    'CREATE INDEX call_candidate ON call (candidate_id) WHERE candidate_id IS NOT NULL',
    'CREATE INDEX call_task ON call (task_id) WHERE task_id IS NOT NULL',
    // Calls of the vendor whose clients never list them have no entry: archiving and purging them costs nothing more.
    "CREATE INDEX call_started ON call (tenant_id, coalesce(started_at, created_at)) WHERE source = 'native'",
    `CREATE TABLE late_recording (
      slot ${integer} NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, call_id TEXT NOT NULL, lease_until ${integer} NOT NULL
    ) ${heap}`,
    'CREATE INDEX late_recording_call ON late_recording (call_id)',

    `CREATE TABLE task (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, status TEXT NOT NULL, bot_id TEXT, template_id TEXT,
      day ${integer}, created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX task_tenant ON task (tenant_id, id)',
    "CREATE UNIQUE INDEX task_day ON task (tenant_id, bot_id, coalesce(template_id, ''), day) WHERE day IS NOT NULL",
    `CREATE TABLE candidate (
      id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL, task_id TEXT NOT NULL, status TEXT NOT NULL, bot_id TEXT,
      created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL, depersonalized_at ${integer}
    ) ${clustered}`,
    'CREATE INDEX candidate_task ON candidate (task_id, id)',

    // \`user\` is a word of SQL.
    `CREATE TABLE account (
      number ${counter}, id TEXT NOT NULL UNIQUE, tenant_id TEXT NOT NULL, login ${bytes} NOT NULL UNIQUE,
      password_hash TEXT NOT NULL, scopes TEXT NOT NULL, version ${integer} NOT NULL, created_at ${integer} NOT NULL,
      disabled_at ${integer}
    ) ${heap}`,
    'CREATE INDEX account_tenant ON account (tenant_id)',
    `CREATE TABLE kept_answer (
      tenant_id TEXT NOT NULL, key ${bytes} NOT NULL, subject_id TEXT NOT NULL, status ${integer}, sealed ${bytes},
      created_at ${integer} NOT NULL, PRIMARY KEY (tenant_id, key)
    ) ${clustered}`,
    'CREATE INDEX kept_answer_subject ON kept_answer (subject_id)',
    'CREATE INDEX kept_answer_age ON kept_answer (created_at)',
  ],
};
