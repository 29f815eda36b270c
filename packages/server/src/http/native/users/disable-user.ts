import { Type } from 'typebox';
import { endUser, readUserById } from '../../../engine/access/manage-users.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { UserView, userView } from './user-view.ts';

/** `POST /v1/users/{id}/disable`. */
export const disableUser = operation({
  id: 'disableUser',
  method: 'POST',
  path: '/users/:id/disable',
  tag: 'Users',
  summary: 'Disable a user for good',
  description:
    'The password and every token end at once, and the e-mail is erased: its key is destroyed, and another user may have ' +
    'it. One who is disabled already stays as they are. You may disable yourself: the operator of the server can make ' +
    'another administrator.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({}, strict),
  answers: { 200: { description: 'The user as they are now', content: UserView } },
  errors: ['user_not_found'],
  async handle({ engine, caller, id, once }) {
    await once(null, async (keeper) => {
      await endUser(engine, caller, id, keeper);
      return { status: 200, subjectId: id };
    });
    return { status: 200, body: userView(await readUserById(engine, caller, id)) };
  },
});
