import { Type } from 'typebox';
import { operation } from '../operation.ts';
import { sendFixed } from './reference.ts';

/** `GET /v1/openapi.json`. */
export const readOpenapi = operation({
  id: 'readOpenapi',
  method: 'GET',
  path: '/openapi.json',
  tag: 'About',
  summary: 'The reference for programs, as OpenAPI',
  description: 'OpenAPI 3.1, made of the very schemas that requests are checked with.',
  scopes: [],
  hasHead: true,
  answers: {
    200: {
      description: 'The document',
      content: Type.Object({ openapi: Type.String(), info: Type.Object({}), paths: Type.Object({}) }),
    },
    304: { description: 'It is the one that `If-None-Match` names', content: null },
  },
  errors: [],
  handle: async ({ request, reply }) => await sendFixed(request, reply, 'openapi', 'application/json; charset=utf-8'),
});
