import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { AppError, type ErrorCode } from '../../model/errors.ts';
import { asAppError, reportFailure, retryAfterSeconds } from '../failure.ts';

/** Every code as the status that says most exactly what it is (RFC 9110, section 15). */
const statuses: Record<ErrorCode, number> = {
  approval_own: 409,
  approval_required: 409,
  archive_mismatch: 500,
  archive_moved: 503,
  archive_restored: 503,
  backup_expired: 500,
  blob_failed: 503,
  blob_locked: 503,
  call_erased: 409,
  call_live: 409,
  call_not_found: 404,
  candidate_erased: 409,
  candidate_not_found: 404,
  client_not_found: 404,
  config_invalid: 500,
  credentials_invalid: 401,
  damage: 500,
  digest_mismatch: 409,
  erasure_not_found: 404,
  erasure_running: 503,
  erasure_state: 409,
  hold_not_found: 404,
  idempotency_mismatch: 422,
  input_invalid: 400,
  internal: 500,
  item_held: 409,
  key_destroyed: 404,
  key_locked: 500,
  lease_lost: 503,
  media_type_unsupported: 415,
  method_not_allowed: 405,
  not_found: 404,
  plan_cancelled: 409,
  plan_changed: 409,
  rate_limited: 429,
  receipt_not_ready: 409,
  recording_erased: 409,
  recording_exists: 409,
  recording_not_found: 404,
  retention_not_found: 404,
  scope_missing: 403,
  session_taken: 409,
  slow_down: 429,
  store_busy: 503,
  store_failed: 503,
  store_newer: 500,
  task_not_found: 404,
  tenant_exists: 409,
  tenant_not_found: 404,
  token_invalid: 401,
  transcript_not_found: 404,
  upload_busy: 503,
  upload_cut: 400,
  upload_too_large: 413,
  user_exists: 409,
  user_not_found: 404,
  vault_unreachable: 503,
};

/** The HTTP status of a code on this surface. */
export function statusOf(code: ErrorCode): number {
  return statuses[code];
}

/** A body as of RFC 9457. `code` is stable; `type` is a name made of it, not an address. */
export type Problem = { type: string; title: string; status: number; detail?: string; code: string };

/** Answers any error at all as problem details. Total: there is no error for which it throws. */
export function sendProblem(engine: Engine, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = asAppError(thrown);
  const status = statusOf(error.code);
  if (status >= 500 && error.code !== 'upload_busy') reportFailure(engine, request, error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 429 || status === 503) reply.header('retry-after', retryAfterSeconds(error));
  const title = new AppError(error.code).message;
  const detail = error.message === title ? {} : { detail: error.message };
  const payload = problemPayload(reply, {
    type: `urn:tacet:error:${error.code}`,
    title,
    status,
    ...detail,
    code: error.code,
  });
  void reply.send(payload);
}

/** A problem's bytes, its headers set, and without what the answer that it replaces had said of its own body. */
export function problemPayload(reply: FastifyReply, problem: Problem): Buffer {
  for (const name of ['content-disposition', 'content-length']) reply.removeHeader(name);
  if (problem.status !== 416) reply.removeHeader('content-range');
  reply.code(problem.status).type('application/problem+json');
  // As bytes, because Fastify adds a charset to text, and this media type has none (RFC 9457, section 6.1).
  return Buffer.from(JSON.stringify(problem));
}
