import type { SqlDialect } from '../dialect.ts';
import type { Migration } from './migration.ts';

/**
 * Which end of each audit chain was last entered into the journal, and when; which items a hold covered when they were
 * planned; e-mails that are unique within a tenant.
 */
export const itemsAndUsers: Migration = {
  name: '0008-items-and-users',
  statements: (words) => [
    'CREATE INDEX audit_subject ON audit (subject_id) WHERE subject_id IS NOT NULL',
    `ALTER TABLE audit_head ADD COLUMN journaled_seq ${words.integer} NOT NULL DEFAULT 0`,
    `ALTER TABLE audit_head ADD COLUMN journaled_at ${words.integer} NOT NULL DEFAULT 0`,
    ...(words.dropsConstraints ? ['ALTER TABLE account DROP CONSTRAINT account_login_key'] : accountAnew(words)),
    // What a hold covered when the plan was made.
    `ALTER TABLE item ADD COLUMN was_held ${words.integer} NOT NULL DEFAULT 0`,
    // By the login alone, too: that is all that somebody who logs in says.
    'CREATE UNIQUE INDEX account_login ON account (login, tenant_id)',
  ],
};

/** The same rows, in a table in which several may have one login; and its counter goes on, also after users who are gone. */
function accountAnew({ text, bytes, integer, counter, heap }: SqlDialect['schema']): string[] {
  const columns = 'number, id, tenant_id, login, password_hash, scopes, version, created_at, disabled_at, last_used_at';
  return [
    `CREATE TABLE account_anew (
      number ${counter}, id ${text} NOT NULL UNIQUE, tenant_id ${text} NOT NULL, login ${bytes} NOT NULL,
      password_hash ${text} NOT NULL, scopes ${text} NOT NULL, version ${integer} NOT NULL, created_at ${integer} NOT NULL,
      disabled_at ${integer}, last_used_at ${integer}
    ) ${heap}`,
    `INSERT INTO account_anew (${columns}) SELECT ${columns} FROM account`,
    "DELETE FROM sqlite_sequence WHERE name = 'account_anew'",
    `INSERT INTO sqlite_sequence (name, seq)
      SELECT 'account_anew', seq FROM sqlite_sequence WHERE name = 'account'`,
    'DROP TABLE account',
    'ALTER TABLE account_anew RENAME TO account',
    'CREATE INDEX account_tenant ON account (tenant_id)',
  ];
}
