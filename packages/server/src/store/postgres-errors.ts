import pg from 'pg';
import { AppError, Bug } from '../model/errors.ts';
import { closedState } from './closing.ts';

/** What the driver says of a connection that ended, where nothing below it failed. */
const endedWords = /terminated|timeout exceeded|timeout expired|not queryable|client was closed|connection error/i;

/**
 * Errors of the server that end the connection, or come to one that is not the primary's (25006): https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const connectionStates = new Set(['25P03', '25006', '57P01', '57P02', '57P03', '57P05', '53300']);

/** Conflicts with somebody else's transaction; nothing of ours is left, and it may be run again. */
const conflicts = new Set(['40001', '40P01', '55P03', '55006', '57014']);

/** True where the connection is of no more use, and what was sent over it last may or may not have been done. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    const { code = '' } = error;
    return code.startsWith('08') || connectionStates.has(code) || isStalePlan(error);
  }
  // Whatever has a code comes from the system or from TLS, below the driver.
  return error instanceof Error && (typeof codeOf(error) === 'string' || endedWords.test(error.message));
}

/**
 * The error of the product for one of PostgreSQL or of its driver. `store_busy` may be tried again, and nothing was
 * committed unless the COMMIT itself failed. The detail is SQLSTATE and constraint: the server's own words repeat values.
 */
export function failureOfPostgres(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof pg.DatabaseError)) {
    if (isConnectionLost(error)) return new AppError('store_busy', { detail: nameOf(error), cause: error });
    if (hasAuthFailed(error)) return new AppError('store_failed', { detail: 'the database asks for a password' });
    throw new Bug('a statement could not be run', { cause: error });
  }
  const code = error.code ?? 'unknown';
  const detail = error.constraint === undefined ? code : `${code} ${error.constraint}`;
  if (conflicts.has(code) || isConnectionLost(error)) return new AppError('store_busy', { detail, cause: error });
  if (code === closedState) return new AppError('archive_moved', { cause: error });
  return new AppError(isOutside(code) ? 'store_failed' : 'internal', { detail, cause: error });
}

/**
 * True where a table has other columns than when a statement was prepared: a newer version has migrated it beside us. The
 * plan stays on its connection, so that another one has to be used.
 */
function isStalePlan({ code, routine }: pg.DatabaseError): boolean {
  return code === '0A000' && routine === 'RevalidateCachedQuery';
}

/** True for a row that somebody else has put under the same key first. */
export function isTwice(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof pg.DatabaseError && error.cause.code === '23505';
}

/** What the machine, its rights or its limits bring about: over as soon as somebody puts that right. */
function isOutside(code: string): boolean {
  return /^(53|58|28|3D|F0|XX001|XX002)/.test(code);
}

function hasAuthFailed(error: unknown): boolean {
  return error instanceof Error && /^SASL|password/i.test(error.message);
}

function nameOf(error: unknown): string {
  return (error instanceof Error && codeOf(error)) || 'connection lost';
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
