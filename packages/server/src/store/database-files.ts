import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { systemError } from '../lib/durable-files.ts';
import { AppError } from '../model/errors.ts';

/**
 * The files behind one connection, to be known again before each write transaction.
 *
 * SQLite goes on writing into files that somebody has moved, removed or replaced: every commit succeeds and is lost with
 * the process. And one that has become read-only it notices only in the middle of a commit.
 */
export class DatabaseFiles {
  readonly #file: string;
  readonly #database: Stats;
  #log: Stats | undefined;

  /** Of the file that has this name now; the caller opens it at once. Throws `store_failed` where there is none. */
  constructor(file: string) {
    this.#file = file;
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) throw new AppError('store_failed', { detail: 'the database file is missing' });
    this.#database = found;
  }

  /** Tells that SQLite has made or opened its log, which it does no later than in the first write transaction. */
  noteLog(): void {
    this.#log ??= statSync(this.#logFile, { throwIfNoEntry: false });
  }

  /** Throws `store_failed` unless the files still have their names and may be written. Costs microseconds. */
  check(): void {
    try {
      refuseOther(this.#file, this.#database);
      if (this.#log !== undefined) refuseOther(this.#logFile, this.#log);
    } catch (error) {
      throw fileFailure(error);
    }
  }

  get #logFile(): string {
    return `${this.#file}-wal`;
  }
}

/** Another file of the same name has another number. */
function refuseOther(path: string, opened: Stats): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.dev !== opened.dev || found.ino !== opened.ino) {
    throw new AppError('store_failed', { detail: 'the files of the database are not those that were opened' });
  }
  accessSync(path, constants.W_OK);
}

/**
 * A system error met at a file of the database, as `store_failed`. Without the cause: Node puts whole paths into messages.
 * Errors that are not the system's pass unchanged.
 */
export function fileFailure(error: unknown): unknown {
  const failure = systemError(error);
  if (failure === undefined) return error;
  return new AppError('store_failed', { detail: `database file: ${failure.syscall} ${failure.code}` });
}
