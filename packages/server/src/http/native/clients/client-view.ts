import { Type } from 'typebox';
import type { ApiClient } from '../../../model/tenant.ts';
import { ScopesOut } from '../access-shapes.ts';
import { strict, Time, TimeOrNull, timeOrNull, timeOut } from '../shapes.ts';

const fields = {
  clientId: Type.String(),
  scopes: ScopesOut,
  createdAt: Time,
  expiresAt: Type.Unsafe<string>({ ...Time, description: 'Until when the secret is good' }),
  oldSecretExpiresAt: Type.Union([Time, Type.Null()], {
    description: 'Until when the secret before it is good, too; null where it is not',
  }),
  disabledAt: TimeOrNull,
  lastUsedAt: Type.Union([Time, Type.Null()], {
    description: 'When it was last given a token, to the hour; null for never',
  }),
};

/** A client as it is read. */
export const ClientView = Type.Object(fields, { ...strict, title: 'Client' });

/** A client that has just got a secret. */
export const ClientWithSecret = Type.Object(
  {
    ...fields,
    clientSecret: Type.Union([Type.String(), Type.Null()], {
      description: 'Shown this once; null where the request is repeated under its `Idempotency-Key`',
    }),
  },
  { ...strict, title: 'ClientWithSecret' },
);

/** A client as `ClientView` says it, at this moment. */
export function clientView(client: ApiClient, now: number) {
  const { id: clientId, scopes, createdAt, expiresAt, oldExpiresAt, disabledAt, lastUsedAt } = client;
  const isOldGood = oldExpiresAt !== null && oldExpiresAt > now;
  return {
    clientId,
    scopes,
    createdAt: timeOut(createdAt),
    expiresAt: timeOut(expiresAt),
    oldSecretExpiresAt: isOldGood ? timeOut(oldExpiresAt) : null,
    disabledAt: timeOrNull(disabledAt),
    lastUsedAt: timeOrNull(lastUsedAt),
  };
}
