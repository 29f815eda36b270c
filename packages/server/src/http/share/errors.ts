import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import type { AppError, ErrorCode } from '../../model/errors.ts';
import { escapeHtml } from '../escape-html.ts';
import { asAppError, reportFailure, retryAfterSeconds } from '../failure.ts';
import { guestHeaders, htmlPage } from './html.ts';

/** What a link comes to that opens nothing. A guest is not told which it was. */
const deadCodes: ReadonlySet<ErrorCode> = new Set([
  'call_not_found',
  'input_invalid',
  'key_destroyed',
  'not_found',
  'recording_not_found',
  'scope_missing',
  'token_invalid',
]);

const dead = {
  status: 404,
  title: 'This link is no longer valid',
  advice: 'Ask whoever sent it to you for a new one.',
};
const busy = { status: 503, title: 'Not available at the moment', advice: 'Please try again in a few minutes.' };
const broken = { status: 500, title: 'Something went wrong', advice: 'It is not your fault. Please try again later.' };

/** Answers any error at all as a page. Total: there is no error for which it throws. */
export function sendGuestError(engine: Engine, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = asAppError(thrown);
  const { status, title, advice } = noticeOf(error);
  if (status >= 500) reportFailure(engine, request, error);
  if (status === 503) reply.header('retry-after', retryAfterSeconds(error));
  void reply.code(status).headers(guestHeaders).type('text/html; charset=utf-8').send(noticePage(title, advice));
}

function noticeOf(error: AppError): typeof dead {
  if (deadCodes.has(error.code)) return dead;
  return error.retry === 'later' && error.code !== 'internal' ? busy : broken;
}

/** A page that says one thing. Both are text. */
export function noticePage(title: string, advice: string): string {
  return htmlPage(title, `<p class="soft">${escapeHtml(advice)}</p>`);
}
