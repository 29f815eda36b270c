import { Type } from 'typebox';
import { endClient, readClient } from '../../../engine/access/manage-clients.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { ClientView, clientView } from './client-view.ts';

/** `POST /v1/clients/{id}/disable`. */
export const disableClient = operation({
  id: 'disableClient',
  method: 'POST',
  path: '/clients/:id/disable',
  tag: 'Clients',
  summary: 'Disable a client for good',
  description:
    'Its secrets, and every token, share link and recording link that it was given, end at once. One that is disabled ' +
    'already stays as it is. You may disable your own client: the operator of the server can make another one.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({}, strict),
  answers: { 200: { description: 'The client as it is now', content: ClientView } },
  errors: ['client_not_found'],
  async handle({ engine, caller, id, once }) {
    await once(null, async (keeper) => {
      await endClient(engine, caller, id, keeper);
      return { status: 200, subjectId: id };
    });
    return { status: 200, body: clientView(await readClient(engine, caller, id), engine.clock.now()) };
  },
});
