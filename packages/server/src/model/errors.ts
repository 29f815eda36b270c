/**
 * Every failure the product can name, in one table.
 *
 * `title` is fit for a caller; `retry` is what the worker believes. HTTP status is the edge's business.
 */
const table = {
  approval_own: { title: 'A plan is approved by somebody else than who made it', retry: 'never' },
  approval_required: { title: 'This reaches so much that a second actor has to approve it first', retry: 'never' },
  archive_mismatch: { title: 'The vault and the database belong to different archives', retry: 'never' },
  archive_moved: { title: 'The archive is not in this database', retry: 'never' },
  archive_restored: { title: 'The database was restored from a copy; run `tacet restore` first', retry: 'never' },
  backup_expired: { title: 'The backup is past its horizon and opens nothing', retry: 'never' },
  blob_failed: { title: 'The blob store could not finish the operation', retry: 'later' },
  blob_locked: { title: 'The blob store has a lock on the bytes, and lets go of them when it ends', retry: 'later' },
  call_erased: { title: 'This was erased; nothing can be added to it', retry: 'never' },
  call_live: { title: 'The call is not over yet', retry: 'later' },
  call_not_found: { title: 'No such call', retry: 'never' },
  candidate_erased: { title: 'This candidate was erased; nothing can be added to it', retry: 'never' },
  candidate_not_found: { title: 'No such candidate', retry: 'never' },
  client_not_found: { title: 'No such client', retry: 'never' },
  config_invalid: { title: 'The configuration is not usable', retry: 'never' },
  credentials_invalid: { title: 'The client id or secret is wrong, expired or disabled', retry: 'never' },
  damage: { title: 'Stored data is damaged', retry: 'never' },
  digest_mismatch: { title: 'The digest is not that of this plan', retry: 'never' },
  erasure_not_found: { title: 'No such erasure', retry: 'never' },
  erasure_running: { title: 'The erasure is under way; ask again in a moment', retry: 'later' },
  erasure_state: { title: 'The erasure is not in a state that allows this', retry: 'never' },
  hold_not_found: { title: 'No such hold', retry: 'never' },
  idempotency_mismatch: { title: 'This Idempotency-Key was used for another request', retry: 'never' },
  input_invalid: { title: 'The request is not valid', retry: 'never' },
  internal: { title: 'Something broke on our side', retry: 'later' },
  item_held: { title: 'legal hold', retry: 'later' },
  key_destroyed: { title: 'The key was destroyed', retry: 'never' },
  key_locked: {
    title: 'This root key exists only sealed to the recovery key; give its identity with --identity',
    retry: 'never',
  },
  lease_lost: { title: 'Another worker has taken over', retry: 'later' },
  media_type_unsupported: { title: 'The Content-Type is not one that is taken here', retry: 'never' },
  method_not_allowed: { title: 'There is something at this address, but not for this method', retry: 'never' },
  not_found: { title: 'Not found', retry: 'never' },
  plan_cancelled: { title: 'The plan was called off', retry: 'never' },
  plan_changed: { title: 'What this was planned for has changed meanwhile; try again', retry: 'later' },
  rate_limited: { title: 'Too many requests; try again later', retry: 'later' },
  receipt_not_ready: { title: 'There is a receipt once every item is verified', retry: 'later' },
  recording_erased: { title: 'The recording of this call was erased and cannot be stored again', retry: 'never' },
  recording_exists: { title: 'The call has another recording', retry: 'never' },
  recording_not_found: { title: 'No such recording', retry: 'never' },
  retention_not_found: { title: 'No such retention is to come', retry: 'never' },
  scope_missing: { title: 'The token does not allow this', retry: 'never' },
  session_taken: { title: 'Another call with different content has this session id', retry: 'never' },
  slow_down: { title: 'Too many failed attempts; try again later', retry: 'later' },
  store_busy: { title: 'The database is busy', retry: 'later' },
  store_failed: { title: 'The database could not finish the operation', retry: 'later' },
  store_newer: { title: 'The database was written by a newer version', retry: 'never' },
  task_not_found: { title: 'No such task', retry: 'never' },
  tenant_exists: { title: 'A tenant with this name exists', retry: 'never' },
  tenant_not_found: { title: 'No such tenant', retry: 'never' },
  token_invalid: { title: 'The token is missing, malformed, expired or not ours', retry: 'never' },
  transcript_not_found: { title: 'No such transcript', retry: 'never' },
  upload_busy: { title: 'An upload of this session is under way; try again in a moment', retry: 'later' },
  upload_cut: { title: 'The upload ended before it was complete', retry: 'never' },
  upload_too_large: { title: 'The upload is larger than this server accepts', retry: 'never' },
  user_exists: { title: 'A user with this e-mail exists', retry: 'never' },
  user_not_found: { title: 'No such user', retry: 'never' },
  vault_unreachable: { title: 'The vault cannot be reached', retry: 'later' },
} as const satisfies Record<string, { title: string; retry: 'later' | 'never' }>;

/** One of the stable, documented error codes. */
export type ErrorCode = keyof typeof table;

/** All codes, for the tests that compare this table with the documentation. */
export const errorCodes = Object.keys(table) as ErrorCode[];

export type AppErrorOptions = {
  /** A sentence for the caller. Never contains personal data. Default: the code's title. */
  message?: string;
  /** For operators only; never leaves the process in an answer. No personal data either. */
  detail?: string;
  /** Where it is known: when trying again may succeed, in ms from now. */
  retryAfterMs?: number;
  cause?: unknown;
};

/** The one error class for failures that have a name. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly retry: 'later' | 'never';
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? table[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail;
    this.retry = table[code].retry;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A broken invariant of ours: always a defect in the program, never a caller's mistake. */
export class Bug extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Bug';
  }
}

/** The code of any error, for a log line or a row: what has no name of its own is `internal`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : 'internal';
}

/** True when `error` is an AppError with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is AppError {
  return error instanceof AppError && error.code === code;
}
