import { AppError, type ErrorCode } from '../model/errors.ts';

/** Exit codes that scripts may rely on; everything else is 1 (it failed) or, for `fsck`, as its help says. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  unusable: 2,
  /** The database was restored from a copy: only `tacet restore` may touch it. */
  restored: 7,
  /** Vault and database belong to different archives. */
  mismatch: 8,
  /** The database was written by a newer version. */
  newer: 9,
  /** The backup is past its horizon: nothing opens it any more. */
  expired: 10,
  /** The archive was moved to another database, or a move to this one has not come to its end. */
  moved: 11,
} as const;

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  const codes: Partial<Record<ErrorCode, number>> = {
    archive_moved: exitCodes.moved,
    archive_restored: exitCodes.restored,
    archive_mismatch: exitCodes.mismatch,
    backup_expired: exitCodes.expired,
    store_newer: exitCodes.newer,
    config_invalid: exitCodes.unusable,
    input_invalid: exitCodes.unusable,
    key_locked: exitCodes.unusable,
  };
  return error instanceof AppError ? (codes[error.code] ?? exitCodes.failed) : exitCodes.failed;
}

/** What an operator is told of an error that ended a command. */
export function explain(error: unknown): string {
  if (error instanceof AppError)
    return error.detail === undefined ? error.message : `${error.message} (${error.detail})`;
  return error instanceof Error ? error.message : 'failed';
}
