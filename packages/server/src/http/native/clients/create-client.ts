import { Type } from 'typebox';
import { addClient, readClient } from '../../../engine/access/manage-clients.ts';
import { ScopesIn, scopesIn } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { ClientWithSecret, clientView } from './client-view.ts';

/** `POST /v1/clients`. */
export const createClient = operation({
  id: 'createClient',
  method: 'POST',
  path: '/clients',
  tag: 'Clients',
  summary: 'Make a client: credentials for a program',
  description:
    'The secret is in this answer and nowhere else: what is stored of it does not tell it. It is good for a year.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({ scopes: ScopesIn }, strict),
  answers: { 201: { description: 'The client, with its secret', content: ClientWithSecret } },
  errors: [],
  async handle({ engine, caller, body, once }) {
    let clientSecret: string | null = null;
    const { subjectId } = await once(null, async (keeper) => {
      const made = await addClient(engine, caller, { scopes: scopesIn(body.scopes), keeper });
      clientSecret = made.clientSecret;
      return { status: 201, subjectId: made.clientId };
    });
    const client = await readClient(engine, caller, subjectId);
    return { status: 201, body: { ...clientView(client, engine.clock.now()), clientSecret } };
  },
});
