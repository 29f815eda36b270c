import type { FastifyReply } from 'fastify';

/** A year: what browsers remember for no longer is asked for in the clear again (RFC 6797, section 6.1.1). */
const strictTransportS = 365 * 24 * 3600;

const always: Readonly<Record<string, string>> = {
  // Names, numbers, tokens: no answer is for a cache to keep (RFC 9111, section 5.2.2.5).
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * What every answer under `/v1` carries, whatever it is: nothing is guessed, kept, framed, run or told to others. Whoever
 * means otherwise for an answer of its own says so later, as the reference page does.
 */
export function setSecurityHeaders(reply: FastifyReply, { isTls }: { isTls: boolean }): void {
  reply.headers(always);
  if (isTls) reply.header('strict-transport-security', `max-age=${strictTransportS}`);
}
