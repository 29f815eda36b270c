import type { Migration } from './migration.ts';

/** What a database says of a move of its archive to another one. There is one row, or none. */
export const moves: Migration = {
  name: '0005-moves',
  statements: ({ text, integer, heap }) => [
    `CREATE TABLE move (
      one ${integer} NOT NULL PRIMARY KEY CHECK (one = 1), id ${text} NOT NULL, archive_id ${text} NOT NULL,
      state ${text} NOT NULL, place ${text} NOT NULL, at ${integer} NOT NULL
    ) ${heap}`,
  ],
};
