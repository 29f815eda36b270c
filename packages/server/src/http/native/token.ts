import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Engine } from '../../engine/context.ts';
import { answerTokenRequest } from '../client-credentials.ts';

const Granted = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
});

const Refused = Type.Object({
  error: Type.Union([
    Type.Literal('invalid_request'),
    Type.Literal('invalid_client'),
    Type.Literal('unsupported_grant_type'),
    Type.Literal('slow_down'),
    Type.Literal('temporarily_unavailable'),
    Type.Literal('server_error'),
  ]),
  error_description: Type.Optional(Type.String()),
});

/** `POST /v1/token`: the same form and answers as `/Token`. Errors have OAuth's own form, as its clients expect. */
export function addToken(app: FastifyInstance, engine: Engine): void {
  const schema = { response: { 200: Granted, '4xx': Refused, '5xx': Refused } };
  app.post('/token', { schema }, async (request, reply) => await answerTokenRequest(engine, request, reply));
}
