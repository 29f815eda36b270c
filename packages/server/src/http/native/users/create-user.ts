import { Type } from 'typebox';
import { addUser, passwordPrint, readUserById } from '../../../engine/access/manage-users.ts';
import { ScopesIn, scopesIn } from '../access-shapes.ts';
import { operation } from '../operation.ts';
import { strict } from '../shapes.ts';
import { Password, printOfPassword, UserWithPassword, userView } from './user-view.ts';

const Body = Type.Object(
  {
    email: Type.String({
      maxLength: 320,
      description: 'What the user logs in with; no other user of the tenant has it',
    }),
    scopes: ScopesIn,
    password: Type.Optional(Password),
  },
  strict,
);

/** `POST /v1/users`. What is kept of a keyed request is its e-mail and scopes; of its password a slow hash. */
export const createUser = operation({
  id: 'createUser',
  method: 'POST',
  path: '/users',
  tag: 'Users',
  summary: 'Make a user who logs in with e-mail and password',
  description:
    'Without `password` one is generated, which is in this answer and nowhere else. To give the users of one e-mail many ' +
    'passwords in a row is slowed as failed logins are: `slow_down`.',
  scopes: ['admin'],
  takesKey: true,
  body: Body,
  answers: { 201: { description: 'The user', content: UserWithPassword } },
  errors: ['user_exists', 'slow_down'],
  async handle({ engine, caller, request, body, once }) {
    const { email, password: given, scopes } = body;
    const asked = { email, scopes: scopesIn(scopes), ...(given !== undefined && { password: given }) };
    const print = await printOfPassword(request, given, async (text) => await passwordPrint(engine, caller, text));
    let password: string | null = null;
    const { subjectId } = await once(
      'user',
      async (keeper) => {
        const made = await addUser(engine, caller, { ...asked, keeper });
        if (given === undefined) password = made.password;
        return { status: 201, subjectId: made.user.id };
      },
      { email, scopes, password: print },
    );
    const profile = await readUserById(engine, caller, subjectId);
    return { status: 201, body: { ...userView(profile), password } };
  },
});
