import { copyFileSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { checkpointPlain, openPlainDatabase } from './plain-database.ts';

/**
 * The bare loop: a copy of the archive's own database by the bare driver, from which the rows of calls, artifacts and
 * tokens are deleted with the indexes that look-ups need. Each request is three prepared statements and one durable
 * transaction; its ids are one parameter, in the order of the tables, which is faster than a statement for each.
 */
export class BareDeletes {
  readonly #database: Database.Database;
  readonly #delete: Database.Transaction<(ids: string) => number>;

  constructor(archive: string, copy: string) {
    copyFileSync(archive, copy);
    this.#database = openPlainDatabase(copy);
    const ids = '(SELECT value FROM json_each(?))';
    const tokens = this.#database.prepare(`DELETE FROM token WHERE owner_id IN ${ids}`);
    const artifacts = this.#database.prepare(`DELETE FROM artifact WHERE owner_id IN ${ids}`);
    const calls = this.#database.prepare(`DELETE FROM call WHERE id IN ${ids}`);
    this.#delete = this.#database.transaction((chosen: string) => {
      if (tokens.run(chosen).changes === 0 || artifacts.run(chosen).changes === 0) return 0;
      return calls.run(chosen).changes;
    });
  }

  delete(ids: readonly string[]): void {
    const deleted = this.#delete.immediate(JSON.stringify(ids.toSorted()));
    if (deleted !== ids.length) throw new Error(`${deleted} of ${ids.length} calls were deleted`);
  }

  checkpoint(): void {
    checkpointPlain(this.#database);
  }

  close(): void {
    this.#database.close();
  }
}
