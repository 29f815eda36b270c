import { Type } from 'typebox';
import { listClients as list } from '../../../engine/access/manage-clients.ts';
import { PageQuery } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { Next, strict } from '../shapes.ts';
import { ClientView, clientView } from './client-view.ts';

/** `GET /v1/clients`. */
export const listClients = operation({
  id: 'listClients',
  method: 'GET',
  path: '/clients',
  tag: 'Clients',
  summary: 'List clients',
  description: 'Newest first, disabled ones too.',
  scopes: ['admin'],
  query: PageQuery,
  answers: {
    200: {
      description: 'A page of clients',
      content: Type.Object({ clients: Type.Array(ClientView), next: Next }, strict),
    },
  },
  errors: [],
  async handle({ engine, caller, query: { limit = 100, ...rest } }) {
    const { clients, next } = await list(engine, caller, { limit, ...rest });
    const now = engine.clock.now();
    return { status: 200, body: { clients: clients.map((client) => clientView(client, now)), next } };
  },
});
