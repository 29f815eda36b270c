import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';

/** What is stored of whoever logs in. `version` grows with every change of the secret. */
export type Account = { secretHash: string; version: number };

/** What somebody says who wants in: under which name (for the counts of failures alone), with what, and from where. */
export type Claim = { name: string; secret: string; address: string };

/**
 * True when the secret is the account's. Without an account it is false, and costs the same.
 *
 * A secret verified in the last ten minutes is let in before anything else is asked: real clients log in before every call,
 * and nobody else's failures may lock them out. Everything else goes through the throttle, then Argon2id. Throws
 * `slow_down` when too many attempts have failed for the name or from the address.
 */
export async function proveSecret(engine: Engine, account: Account | undefined, claim: Claim): Promise<boolean> {
  if (isRemembered(engine, account, claim)) return true;
  const { throttle, verified } = engine.access;
  const admission = await throttle.admit(claim.name, claim.address);
  if (admission.kind === 'wait') throw new AppError('slow_down', { retryAfterMs: admission.retryAfterMs });
  let outcome: 'success' | 'failure' | 'abandoned' = 'abandoned';
  try {
    // A burst with the right secret is hashed once: the first has been remembered while the others stood in line.
    const isRight = isRemembered(engine, account, claim) || (await isSecretOf(engine, account, claim.secret));
    outcome = isRight ? 'success' : 'failure';
  } finally {
    admission.release(outcome);
  }
  if (account === undefined || outcome !== 'success') return false;
  verified.remember(claim.name, claim.secret, account.version);
  return true;
}

function isRemembered(engine: Engine, account: Account | undefined, { name, secret }: Claim): boolean {
  return account !== undefined && engine.access.verified.isRemembered(name, secret, account.version);
}

async function isSecretOf({ access }: Engine, account: Account | undefined, secret: string): Promise<boolean> {
  if (account === undefined) return await access.hasher.dummyVerify(secret);
  return await access.hasher.verify(secret, account.secretHash);
}
