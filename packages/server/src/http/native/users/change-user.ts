import { Type } from 'typebox';
import { readUserById, setUserScopes } from '../../../engine/access/manage-users.ts';
import { ScopesIn, scopesIn } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { UserView, userView } from './user-view.ts';

/** `PATCH /v1/users/{id}`. */
export const changeUser = operation({
  id: 'changeUser',
  method: 'PATCH',
  path: '/users/:id',
  tag: 'Users',
  summary: 'Change the scopes of a user',
  description:
    'They count at once, for tokens too that were given before. You may take `admin` from yourself: the operator of the ' +
    'server can make another administrator.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({ scopes: ScopesIn }, strict),
  answers: { 200: { description: 'The user as they are now', content: UserView } },
  errors: ['user_not_found'],
  async handle({ engine, caller, id, body, once }) {
    await once(null, async (keeper) => {
      await setUserScopes(engine, caller, id, { scopes: scopesIn(body.scopes), keeper });
      return { status: 200, subjectId: id };
    });
    return { status: 200, body: userView(await readUserById(engine, caller, id)) };
  },
});
