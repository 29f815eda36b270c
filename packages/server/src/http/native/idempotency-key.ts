import type { FastifyRequest } from 'fastify';
import { AppError } from '../../model/errors.ts';

const form = /^[\x21-\x7e]{1,255}$/;

/**
 * The `Idempotency-Key` of a request, exactly as written, quotes included; undefined where it has none. Throws `input_invalid`
 * unless it is 1 to 255 visible ASCII characters: one that was sent twice has a blank in it by now.
 */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && form.test(key)) return key;
  throw new AppError('input_invalid', { message: 'Idempotency-Key must have 1 to 255 visible ASCII characters' });
}
