import { Type } from 'typebox';
import { answerTokenRequest } from '../../client-credentials.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';

const Granted = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Enum(['bearer']),
    expires_in: Type.Integer({ description: 'Seconds' }),
  },
  strict,
);

const Refused = Type.Object(
  {
    error: Type.Enum([
      'invalid_request',
      'invalid_client',
      'unsupported_grant_type',
      'slow_down',
      'temporarily_unavailable',
      'server_error',
    ]),
    error_description: Type.Optional(Type.String()),
  },
  strict,
);

const Grant = Type.Object({
  grant_type: Type.Enum(['client_credentials']),
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
});

/** `POST /v1/token`: the same form and answers as `/Token`. Errors have OAuth's own form, as its clients expect. */
export const issueToken = operation({
  id: 'issueToken',
  method: 'POST',
  path: '/token',
  tag: 'Tokens',
  summary: 'Get a token for the credentials of a client',
  description:
    'The client-credentials grant of OAuth 2.0 (RFC 6749, section 4.4), the client named in the form or by HTTP Basic. The ' +
    'token opens every surface, within the scopes of its client. Errors have the form of RFC 6749, section 5.2.',
  scopes: [],
  // OAuth has unknown parameters ignored (RFC 6749, section 3.2).
  query: Type.Object({}),
  reads: { 'application/x-www-form-urlencoded': Grant },
  answers: {
    200: { description: 'A token', content: Granted },
    400: { description: 'The request is not one for a token', content: Refused },
    401: { description: 'Id or secret unknown, wrong, expired or disabled, all alike', content: Refused },
    413: { description: 'The form is too long', content: Refused },
    429: { description: 'Too many failed attempts; `Retry-After` says when to try again', content: Refused },
    500: { description: 'Something broke on our side', content: Refused },
    503: { description: 'Not at this moment; `Retry-After` says when to try again', content: Refused },
  },
  errors: [],
  async handle({ engine, request, reply }) {
    void reply.send(await answerTokenRequest(engine, request, reply));
    return undefined;
  },
});
