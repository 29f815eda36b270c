import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { UserProfile } from '../../../engine/access/users.ts';
import { ScopesOut } from '../access-shapes.ts';
import { idempotencyKeyOf } from '../idempotency-key.ts';
import { strict, Time, TimeOrNull, timeOrNull, timeOut } from '../shapes.ts';

const fields = {
  id: Type.String(),
  number: Type.Integer({ description: 'By which clients of Twin24 know the user' }),
  email: Type.Union([Type.String(), Type.Null()], {
    description: 'Null once the user is disabled: then it is erased',
  }),
  scopes: ScopesOut,
  createdAt: Time,
  disabledAt: TimeOrNull,
  lastUsedAt: Type.Union([Time, Type.Null()], {
    description: 'When the user last logged in, to the hour; null for never',
  }),
};

/** In requests: characters as they are typed, and never changed. */
export const Password = Type.String({ minLength: 1, maxLength: 1024 });

/**
 * What a request says of a password, for its `Idempotency-Key`: null where it gives none, and without a key, since then nothing
 * is kept and no hash need be computed.
 */
export async function printOfPassword(
  request: FastifyRequest,
  given: string | undefined,
  print: (password: string) => Promise<string>,
): Promise<string | null> {
  if (given === undefined || idempotencyKeyOf(request) === undefined) return null;
  return await print(given);
}

/** A user as they are read. */
export const UserView = Type.Object(fields, { ...strict, title: 'User' });

/** A user who has just got a password. */
export const UserWithPassword = Type.Object(
  {
    ...fields,
    password: Type.Union([Type.String(), Type.Null()], {
      description:
        'The one that was generated, shown this once; null where one was given, and where the request is repeated under ' +
        'its `Idempotency-Key`',
    }),
  },
  { ...strict, title: 'UserWithPassword' },
);

/** A user as `UserView` says it. */
export function userView({ user, email }: UserProfile) {
  const { id, number, scopes, createdAt, disabledAt, lastUsedAt } = user;
  return {
    id,
    number,
    email,
    scopes,
    createdAt: timeOut(createdAt),
    disabledAt: timeOrNull(disabledAt),
    lastUsedAt: timeOrNull(lastUsedAt),
  };
}
