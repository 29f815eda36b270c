import type { Migration } from './migration.ts';

/** Metadata that comes later than its call, and the calls that stand for what came before theirs. */
export const metadataEvents: Migration = {
  name: '0002-metadata-events',
  statements: ({ text, bytes, integer, clustered }) => [
    `ALTER TABLE tombstone ADD COLUMN last_status ${text}`,
    `CREATE TABLE metadata_event (
      id ${text} NOT NULL PRIMARY KEY, tenant_id ${text} NOT NULL, call_id ${text} NOT NULL, received_at ${integer} NOT NULL,
      sealed ${bytes} NOT NULL
    ) ${clustered}`,
    'CREATE INDEX metadata_event_call ON metadata_event (call_id)',
    "CREATE INDEX call_awaited ON call (created_at) WHERE status = 'awaited'",
    "CREATE INDEX call_awaited_tenant ON call (tenant_id) WHERE status = 'awaited'",
  ],
};
