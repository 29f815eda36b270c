import { Type } from 'typebox';
import { readClient, setClientScopes } from '../../../engine/access/manage-clients.ts';
import { ScopesIn, scopesIn } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { ClientView, clientView } from './client-view.ts';

/** `PATCH /v1/clients/{id}`. */
export const changeClient = operation({
  id: 'changeClient',
  method: 'PATCH',
  path: '/clients/:id',
  tag: 'Clients',
  summary: 'Change the scopes of a client',
  description:
    'A scope that is taken away counts at once, for tokens too that were given before; one that is added, for tokens given ' +
    'from now on. You may take `admin` from your own client: the operator of the server can make another one.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({ scopes: ScopesIn }, strict),
  answers: { 200: { description: 'The client as it is now', content: ClientView } },
  errors: ['client_not_found'],
  async handle({ engine, caller, id, body, once }) {
    await once(null, async (keeper) => {
      await setClientScopes(engine, caller, id, { scopes: scopesIn(body.scopes), keeper });
      return { status: 200, subjectId: id };
    });
    return { status: 200, body: clientView(await readClient(engine, caller, id), engine.clock.now()) };
  },
});
