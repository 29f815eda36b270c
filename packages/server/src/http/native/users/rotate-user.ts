import { Type } from 'typebox';
import { passwordPrint, readUserById, renewUserPassword } from '../../../engine/access/manage-users.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { Password, printOfPassword, UserWithPassword, userView } from './user-view.ts';

/** `POST /v1/users/{id}/rotate`. */
export const rotateUser = operation({
  id: 'rotateUser',
  method: 'POST',
  path: '/users/:id/rotate',
  tag: 'Users',
  summary: 'Give a user another password',
  description:
    'The old one, and every token that was given under it, end at once. Without `password` one is generated, which is in ' +
    'this answer and nowhere else. To give one user many passwords in a row is slowed as failed logins are: `slow_down`.',
  scopes: ['admin'],
  takesKey: true,
  body: Type.Object({ password: Type.Optional(Password) }, strict),
  answers: { 200: { description: 'The user', content: UserWithPassword } },
  errors: ['user_not_found', 'slow_down'],
  async handle({ engine, caller, request, id, body: { password: given }, once }) {
    const print = await printOfPassword(request, given, async (text) => await passwordPrint(engine, caller, text));
    let password: string | null = null;
    await once(
      null,
      async (keeper) => {
        const asked = given === undefined ? { keeper } : { password: given, keeper };
        const made = await renewUserPassword(engine, caller, id, asked);
        if (given === undefined) password = made.password;
        return { status: 200, subjectId: id };
      },
      { id, password: print },
    );
    const profile = await readUserById(engine, caller, id);
    return { status: 200, body: { ...userView(profile), password } };
  },
});
