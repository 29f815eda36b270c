import { signAccessToken } from '../../lib/access-token.ts';
import { AppError } from '../../model/errors.ts';
import type { ApiClient } from '../../model/tenant.ts';
import type { Engine } from '../context.ts';
import { signingKeys } from './signing-key.ts';

/** Creovai's clients expect 1799, one less than half an hour; the token lives as long as it says. */
const tokenLifeSeconds = 1799;

export type IssuedToken = { token: string; expiresInSeconds: number };

/**
 * The OAuth 2.0 client-credentials grant (RFC 6749, section 4.4). Issuing a token revokes no other.
 *
 * Throws `credentials_invalid` for an unknown, disabled or expired client and for a wrong secret alike, and `slow_down`
 * when too many attempts have failed from this address. A secret verified in the last ten minutes is let in before that
 * is asked: real clients fetch a token before every call, and nobody else's failures may lock them out.
 */
export async function issueToken(
  engine: Engine,
  asked: { clientId: string; secret: string; address: string },
): Promise<IssuedToken> {
  const client = await usableClient(engine, asked.clientId);
  if (!isRemembered(engine, client, asked.secret)) await verifySlowly(engine, client, asked);
  if (client === undefined) throw new AppError('credentials_invalid');
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
  return { token: signed.token, expiresInSeconds: tokenLifeSeconds };
}

/** The client's row, unless it is disabled or its secret has run out. */
async function usableClient(engine: Engine, clientId: string): Promise<ApiClient | undefined> {
  const client = await engine.store.reads.clients.find(clientId);
  if (client === undefined || client.disabledAt !== null) return undefined;
  return client.expiresAt > engine.clock.now() ? client : undefined;
}

function isRemembered(engine: Engine, client: ApiClient | undefined, secret: string): boolean {
  return client !== undefined && engine.access.verified.isRemembered(client.id, secret, client.version);
}

/** The slow way: through the throttle, then Argon2id. Costs the same for a client that does not exist. */
async function verifySlowly(
  engine: Engine,
  client: ApiClient | undefined,
  asked: { clientId: string; secret: string; address: string },
): Promise<void> {
  const { hasher, throttle, verified } = engine.access;
  const admission = await throttle.admit(asked.clientId, asked.address);
  if (admission.kind === 'wait') throw new AppError('slow_down', { retryAfterMs: admission.retryAfterMs });
  let outcome: 'success' | 'failure' | 'abandoned' = 'abandoned';
  try {
    // A burst with the right secret is hashed once: the first has been remembered while the others stood in line.
    const isRight =
      isRemembered(engine, client, asked.secret) ||
      (client === undefined
        ? await hasher.dummyVerify(asked.secret)
        : await hasher.verify(asked.secret, client.secretHash));
    outcome = isRight ? 'success' : 'failure';
  } finally {
    admission.release(outcome);
  }
  if (client === undefined || outcome !== 'success') throw new AppError('credentials_invalid');
  verified.remember(client.id, asked.secret, client.version);
}
