import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { isExpiredToken } from '../../lib/access-token.ts';
import type { AppError, ErrorCode } from '../../model/errors.ts';
import { asAppError, reportFailure, retryAfterSeconds } from '../failure.ts';

/** Every code as a status that Twin24's clients know: what they may try again is 503 with Retry-After. */
const statuses: Record<ErrorCode, number> = {
  archive_mismatch: 500,
  archive_restored: 503,
  backup_expired: 500,
  blob_failed: 503,
  call_erased: 400,
  call_live: 400,
  call_not_found: 404,
  candidate_erased: 400,
  candidate_not_found: 404,
  config_invalid: 500,
  credentials_invalid: 401,
  damage: 500,
  erasure_not_found: 404,
  erasure_running: 503,
  erasure_state: 400,
  hold_not_found: 404,
  idempotency_mismatch: 400,
  input_invalid: 400,
  internal: 500,
  item_held: 400,
  key_destroyed: 404,
  key_locked: 500,
  lease_lost: 503,
  media_type_unsupported: 400,
  method_not_allowed: 405,
  not_found: 404,
  plan_changed: 503,
  recording_erased: 400,
  recording_exists: 400,
  recording_not_found: 404,
  scope_missing: 403,
  session_taken: 400,
  // Nothing is slowed here but logins, and a login that fails is 401 to the vendor's clients, whatever the reason.
  slow_down: 401,
  store_busy: 503,
  store_failed: 503,
  store_newer: 500,
  task_not_found: 404,
  tenant_exists: 400,
  tenant_not_found: 404,
  token_invalid: 401,
  upload_busy: 503,
  upload_cut: 400,
  upload_too_large: 413,
  user_exists: 400,
  user_not_found: 404,
  vault_unreachable: 503,
};

/**
 * The one text on which the vendor's SDK refreshes its token, and on which it spins for as long as its own clock thinks the
 * token good: sent for nothing but a token of ours whose time is over.
 */
const expiredText = 'Token is expired.';

/** Answers any error at all as `{"error"}`. Total: there is no error for which it throws. */
export function sendTwinError(engine: Engine, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error: AppError = asAppError(thrown);
  const status = statuses[error.code];
  if (status >= 500 && error.retry === 'never') reportFailure(engine, request, error);
  else if (error.code === 'internal') reportFailure(engine, request, error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (error.code === 'slow_down' || status === 503) reply.header('retry-after', retryAfterSeconds(error));
  const text = isExpiredToken(error) ? expiredText : error.message;
  void reply.code(status).type('application/json; charset=utf-8').send({ error: text });
}
