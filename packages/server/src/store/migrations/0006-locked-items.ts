import type { Migration } from './migration.ts';

/** Items whose bytes the blob store may not let go of: since when that is known, and until when it is so. */
export const lockedItems: Migration = {
  name: '0006-locked-items',
  statements: ({ integer }) => [
    `ALTER TABLE item ADD COLUMN locked_since ${integer}`,
    `ALTER TABLE item ADD COLUMN locked_until ${integer}`,
  ],
};
