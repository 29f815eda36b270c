import { docsPolicy } from '../docs-page.ts';
import { operation } from '../operation.ts';
import { sendFixed } from './reference.ts';

/** `GET /v1/docs`. */
export const readDocs = operation({
  id: 'readDocs',
  method: 'GET',
  path: '/docs',
  tag: 'About',
  summary: 'The reference, as a page to read',
  description: 'One page without scripts that loads nothing from anywhere.',
  scopes: [],
  hasHead: true,
  answers: {
    200: { description: 'The page', content: { media: 'text/html' } },
    304: { description: 'It is the one that `If-None-Match` names', content: null },
  },
  errors: [],
  async handle({ request, reply }) {
    reply.header('content-security-policy', docsPolicy);
    return await sendFixed(request, reply, 'docs', 'text/html; charset=utf-8');
  },
});
