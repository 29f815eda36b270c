import type { Migration } from './migration.ts';

/**
 * Items whose bytes the blob store may not let go of: since when that is known, and until when it is so. The same of bytes
 * that no erasure waits for, with the time before which nobody tries them again, by which they are now found.
 */
export const lockedItems: Migration = {
  name: '0006-locked-items',
  statements: ({ integer }) => [
    `ALTER TABLE item ADD COLUMN locked_since ${integer}`,
    `ALTER TABLE item ADD COLUMN locked_until ${integer}`,
    `ALTER TABLE doomed_blob ADD COLUMN locked_until ${integer}`,
    `ALTER TABLE doomed_blob ADD COLUMN retry_at ${integer} NOT NULL DEFAULT 0`,
    'DROP INDEX doomed_blob_unowned',
    'CREATE INDEX doomed_blob_unowned ON doomed_blob (retry_at, since) WHERE erasure_id IS NULL',
  ],
};
