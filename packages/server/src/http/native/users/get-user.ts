import { readUserById } from '../../../engine/access/manage-users.ts';
import { operation } from '../operation.ts';
import { UserView, userView } from './user-view.ts';

/** `GET /v1/users/{id}`. */
export const getUser = operation({
  id: 'getUser',
  method: 'GET',
  path: '/users/:id',
  tag: 'Users',
  summary: 'Read a user',
  scopes: ['admin'],
  answers: { 200: { description: 'The user', content: UserView } },
  errors: ['user_not_found'],
  async handle({ engine, caller, id }) {
    return { status: 200, body: userView(await readUserById(engine, caller, id)) };
  },
});
