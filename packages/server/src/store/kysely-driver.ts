import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { Bug } from '../model/errors.ts';

/** Kysely's view of what runs statements: it builds them, and opens nothing. */
export class StatementDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(runner: { execute(query: CompiledQuery): Promise<QueryResult<unknown>> }) {
    this.#connection = {
      // Kysely's own drivers promise the same: the builder knows what its statement answers.
      executeQuery: <R>(query: CompiledQuery) => runner.execute(query) as Promise<QueryResult<R>>,
      streamQuery: () => {
        throw new Bug('rows are read in pages, not streamed');
      },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    throw new Bug('transactions are opened by a Database');
  }

  async commitTransaction(): Promise<void> {
    throw new Bug('transactions are opened by a Database');
  }

  async rollbackTransaction(): Promise<void> {
    throw new Bug('transactions are opened by a Database');
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}
