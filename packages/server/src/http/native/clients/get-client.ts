import { readClient } from '../../../engine/access/manage-clients.ts';
import { operation } from '../operation.ts';
import { ClientView, clientView } from './client-view.ts';

/** `GET /v1/clients/{id}`. */
export const getClient = operation({
  id: 'getClient',
  method: 'GET',
  path: '/clients/:id',
  tag: 'Clients',
  summary: 'Read a client',
  scopes: ['admin'],
  answers: { 200: { description: 'The client', content: ClientView } },
  errors: ['client_not_found'],
  async handle({ engine, caller, id }) {
    return { status: 200, body: clientView(await readClient(engine, caller, id), engine.clock.now()) };
  },
});
