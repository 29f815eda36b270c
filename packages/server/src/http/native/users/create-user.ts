import { Type } from 'typebox';
import { addUser, readUserById, refuseOtherPassword } from '../../../engine/access/manage-users.ts';
import { ScopesIn, scopesIn } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { Password, UserWithPassword, userView } from './user-view.ts';

const Body = Type.Object(
  {
    email: Type.String({ maxLength: 320, description: 'What the user logs in with; no other user has it' }),
    scopes: ScopesIn,
    password: Type.Optional(Password),
  },
  strict,
);

/** `POST /v1/users`. What is kept of a keyed request is its e-mail and scopes; of its password only the user's own hash. */
export const createUser = operation({
  id: 'createUser',
  method: 'POST',
  path: '/users',
  tag: 'Users',
  summary: 'Make a user who logs in with e-mail and password',
  description: 'Without `password` one is generated, which is in this answer and nowhere else.',
  scopes: ['admin'],
  takesKey: true,
  body: Body,
  answers: { 201: { description: 'The user', content: UserWithPassword } },
  errors: ['user_exists'],
  async handle({ engine, caller, body, once }) {
    const { email, password: given, scopes } = body;
    const asked = { email, scopes: scopesIn(scopes), ...(given !== undefined && { password: given }) };
    let password: string | null | undefined;
    const { subjectId } = await once(
      'user',
      async (keeper) => {
        const made = await addUser(engine, caller, { ...asked, keeper });
        password = given === undefined ? made.password : null;
        return { status: 201, subjectId: made.user.id };
      },
      { email, scopes, hasPassword: given !== undefined },
    );
    if (password === undefined && given !== undefined) await refuseOtherPassword(engine, caller, subjectId, given);
    const profile = await readUserById(engine, caller, subjectId);
    return { status: 201, body: { ...userView(profile), password: password ?? null } };
  },
});
