import type { Migration } from './migration.ts';

/** Campaigns, users, what a platform says of its calls, and calls that are erased in part. */
export const campaigns: Migration = {
  name: '0003-campaigns',
  statements: ({ text, bytes, integer, counter, heap, clustered }) => [
    `ALTER TABLE call ADD COLUMN dial_status ${text}`,
    `ALTER TABLE call ADD COLUMN candidate_id ${text}`,
    `ALTER TABLE call ADD COLUMN task_id ${text}`,
    `ALTER TABLE call ADD COLUMN bot_id ${text}`,
    `ALTER TABLE call ADD COLUMN updated_at ${integer}`,
    `ALTER TABLE call ADD COLUMN depersonalized_at ${integer}`,
    `ALTER TABLE call ADD COLUMN recording_erased_at ${integer}`,
    // Calls that were erased in part before there were marks must refuse late writers as those marked since do.
    `UPDATE call SET depersonalized_at = ${firstErased("erasure.action = 'depersonalize'")},
      recording_erased_at = ${firstErased("(erasure.action = 'delete-recording' OR erasure.keep_recording = 0)")}
      WHERE id IN (SELECT call_id FROM item WHERE erasure_id IN (SELECT id FROM erasure WHERE action <> 'purge'))`,
    'CREATE INDEX call_candidate ON call (candidate_id) WHERE candidate_id IS NOT NULL',
    // Of a task, in the order of their coming, and all that counting them takes.
    'CREATE INDEX call_task ON call (task_id, tenant_id, id, status) WHERE task_id IS NOT NULL',
    // Calls of the vendor whose clients never list them have no entry: archiving and purging them costs nothing more. Nor
    // have uploads, of which nobody knows whose they are before they are described.
    `CREATE INDEX call_started ON call (tenant_id, coalesce(started_at, created_at)) WHERE ${listed}`,
    `CREATE INDEX call_created ON call (tenant_id, created_at) WHERE ${listed}`,
    `CREATE TABLE late_artifact (
      slot ${integer} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, call_id ${text} NOT NULL, lease_until ${integer} NOT NULL
    ) ${heap}`,
    'CREATE INDEX late_artifact_call ON late_artifact (call_id)',

    `CREATE TABLE task (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, status ${text} NOT NULL, bot_id ${text}, template_id ${text},
      day ${integer}, created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX task_tenant ON task (tenant_id, id)',
    "CREATE UNIQUE INDEX task_day ON task (tenant_id, bot_id, coalesce(template_id, ''), day) WHERE day IS NOT NULL",
    "CREATE INDEX task_adding ON task (updated_at) WHERE status = 'ADDING'",
    `CREATE TABLE candidate (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, task_id ${text} NOT NULL, status ${text} NOT NULL, bot_id ${text},
      created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL, depersonalized_at ${integer}
    ) ${clustered}`,
    'CREATE INDEX candidate_task ON candidate (task_id, id)',
    "CREATE INDEX candidate_adding ON candidate (updated_at) WHERE status = 'ADDING'",

    // \`user\` is a word of SQL.
    `CREATE TABLE account (
      number ${counter}, id ${text} NOT NULL UNIQUE, tenant_id ${text} NOT NULL, login ${bytes} NOT NULL UNIQUE,
      password_hash ${text} NOT NULL, scopes ${text} NOT NULL, version ${integer} NOT NULL, created_at ${integer} NOT NULL,
      disabled_at ${integer}
    ) ${heap}`,
    'CREATE INDEX account_tenant ON account (tenant_id)',
    `CREATE TABLE kept_answer (
      tenant_id ${text} NOT NULL, key ${bytes} NOT NULL, subject_id ${text} NOT NULL, status ${integer}, sealed ${bytes},
      created_at ${integer} NOT NULL, PRIMARY KEY (tenant_id, key)
    ) ${clustered}`,
    'CREATE INDEX kept_answer_subject ON kept_answer (subject_id)',
    'CREATE INDEX kept_answer_age ON kept_answer (created_at)',
  ],
};

const listed = "source = 'native' AND upload_until IS NULL";

/** When an erasure in part first took of a call what the condition is about; null where none did. */
function firstErased(condition: string): string {
  return `(SELECT min(coalesce(erasure.shredded_at, erasure.unreadable_at)) FROM item CROSS JOIN erasure
    WHERE item.call_id = call.id AND item.outcome IN ('erased', 'already_erased') AND erasure.id = item.erasure_id
      AND erasure.tenant_id = call.tenant_id AND erasure.action <> 'purge' AND ${condition})`;
}
