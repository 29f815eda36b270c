import { signAccessToken } from '../../lib/access-token.ts';
import { AppError } from '../../model/errors.ts';
import type { ApiClient } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { isClientId } from './clients.ts';
import { noteClientUse } from './last-use.ts';
import { proveSecret } from './prove-secret.ts';
import { signingKeys } from './signing-key.ts';

/** Creovai's clients expect 1799, one less than half an hour; the token lives as long as it says. */
const tokenLifeSeconds = 1799;

export type IssuedToken = { token: string; expiresInSeconds: number };

/**
 * The OAuth 2.0 client-credentials grant (RFC 6749, section 4.4). Issuing a token revokes no other.
 *
 * Throws `credentials_invalid` for an unknown, disabled or expired client and for a wrong secret alike, and `slow_down`
 * when too many attempts have failed, as `proveSecret` tells.
 */
export async function issueToken(
  engine: Engine,
  asked: { clientId: string; secret: string; address: string },
): Promise<IssuedToken> {
  const client = await usableClient(engine, asked.clientId);
  const { clientId: name, secret, address } = asked;
  const accounts = client ? [{ ...client, rememberedAs: client.id, oldSecretHash: oldHashOf(engine, client) }] : [];
  // As many as one has that is being rotated.
  const proven = await proveSecret(engine, accounts, { name, secret, address, hashesMin: 2 });
  if (client === undefined || proven.length === 0) throw new AppError('credentials_invalid');
  const signed = await signAccessToken(
    { keys: await signingKeys(engine), clock: engine.clock },
    {
      subjectKind: 'client',
      clientId: client.id,
      tenantId: client.tenantId,
      scopes: client.scopes,
      lifetimeSeconds: tokenLifeSeconds,
    },
  );
  noteClientUse(engine, client);
  return { token: signed.token, expiresInSeconds: tokenLifeSeconds };
}

/** The hash of the secret before the last rotation, while that is good, too. */
function oldHashOf({ clock }: Engine, { oldSecretHash, oldExpiresAt }: ApiClient): string | null {
  return oldExpiresAt !== null && oldExpiresAt > clock.now() ? oldSecretHash : null;
}

/** The client's row, unless it is disabled or its secret has run out. */
async function usableClient(engine: Engine, clientId: string): Promise<ApiClient | undefined> {
  const client = isClientId(clientId) ? await engine.store.reads.clients.find(clientId) : undefined;
  if (client === undefined || client.disabledAt !== null) return undefined;
  return client.expiresAt > engine.clock.now() ? client : undefined;
}
