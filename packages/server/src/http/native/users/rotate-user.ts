import { Type } from 'typebox';
import { readUserById, refuseOtherPassword, renewUserPassword } from '../../../engine/access/manage-users.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { Password, UserWithPassword, userView } from './user-view.ts';

/** `POST /v1/users/{id}/rotate`. */
export const rotateUser = operation({
  id: 'rotateUser',
  method: 'POST',
  path: '/users/:id/rotate',
  tag: 'Users',
  summary: 'Give a user another password',
  description:
    'The old one, and every token that was given under it, end at once. Without `password` one is generated, which is in ' +
    'this answer and nowhere else.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({ password: Type.Optional(Password) }, strict),
  answers: { 200: { description: 'The user', content: UserWithPassword } },
  errors: ['user_not_found'],
  async handle({ engine, caller, id, body: { password: given }, once }) {
    let password: string | null | undefined;
    await once(
      null,
      async (keeper) => {
        const asked = given === undefined ? { keeper } : { password: given, keeper };
        const made = await renewUserPassword(engine, caller, id, asked);
        password = given === undefined ? made.password : null;
        return { status: 200, subjectId: id };
      },
      { id, hasPassword: given !== undefined },
    );
    if (password === undefined && given !== undefined) await refuseOtherPassword(engine, caller, id, given);
    const profile = await readUserById(engine, caller, id);
    return { status: 200, body: { ...userView(profile), password: password ?? null } };
  },
});
