import { Type } from 'typebox';
import { readClient, renewClientSecret } from '../../../engine/access/manage-clients.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { ClientWithSecret, clientView } from './client-view.ts';

const daySeconds = 24 * 3600;

const Body = Type.Object(
  {
    keepOldFor: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 30 * daySeconds,
        default: daySeconds,
        description: 'For how many seconds the old secret stays good beside the new one; 0 ends it at once',
      }),
    ),
  },
  strict,
);

/** `POST /v1/clients/{id}/rotate`. */
export const rotateClient = operation({
  id: 'rotateClient',
  method: 'POST',
  path: '/clients/:id/rotate',
  tag: 'Clients',
  summary: 'Give a client a new secret',
  description:
    'Until the old secret ends, both are good, so that no fleet of programs has to change over in one moment; of more than ' +
    'two the oldest ends. Tokens that were given live on until their own end, about half an hour at most: to end ' +
    'those too, disable the client.',
  scopes: ['admin'],
  takesKey: true,
  body: Body,
  answers: { 200: { description: 'The client, with its new secret', content: ClientWithSecret } },
  errors: ['client_not_found'],
  async handle({ engine, caller, id, body: { keepOldFor = daySeconds }, once }) {
    let clientSecret: string | null = null;
    await once(null, async (keeper) => {
      const made = await renewClientSecret(engine, caller, id, { keepOldMs: keepOldFor * 1000, keeper });
      clientSecret = made.clientSecret;
      return { status: 200, subjectId: id };
    });
    const client = await readClient(engine, caller, id);
    return { status: 200, body: { ...clientView(client, engine.clock.now()), clientSecret } };
  },
});
