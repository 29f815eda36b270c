import { Type } from 'typebox';
import { listUserPage } from '../../../engine/access/manage-users.ts';
import { PageQuery } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { Next, strict } from '../shapes.ts';
import { UserView, userView } from './user-view.ts';

/** `GET /v1/users`. */
export const listUsers = operation({
  id: 'listUsers',
  method: 'GET',
  path: '/users',
  tag: 'Users',
  summary: 'List users',
  description: 'Newest first, disabled ones too.',
  scopes: ['admin'],
  query: PageQuery,
  answers: {
    200: { description: 'A page of users', content: Type.Object({ users: Type.Array(UserView), next: Next }, strict) },
  },
  errors: [],
  async handle({ engine, caller, query: { limit = 100, ...rest } }) {
    const { users, next } = await listUserPage(engine, caller, { limit, ...rest });
    return { status: 200, body: { users: users.map(userView), next } };
  },
});
