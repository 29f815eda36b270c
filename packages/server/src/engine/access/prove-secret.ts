import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';

/** What is stored of whoever logs in. `version` grows with every change of the secret. */
export type Account = {
  secretHash: string;
  version: number;
  /** The secret before it, while that is good, too. */
  oldSecretHash?: string | null;
};

/** What somebody says who wants in: under which name (for the counts of failures alone), with what, and from where. */
export type Claim = {
  name: string;
  secret: string;
  address: string;
  /** How many secrets accounts of this kind may have at once: as many hashes are computed, whatever there is. Default 1. */
  secretsMax?: 1 | 2;
};

/**
 * True when the secret is the account's. Without an account it is false, and costs the same; of two secrets that are good,
 * either costs what the other does, and what a wrong one does.
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
  let proven: Proven | undefined;
  try {
    // A burst with the right secret is hashed once: the first has been remembered while the others stood in line.
    const wasRemembered = isRemembered(engine, account, claim);
    if (!wasRemembered) proven = await secretOf(engine, account, claim);
    outcome = wasRemembered || proven !== undefined ? 'success' : 'failure';
  } finally {
    admission.release(outcome);
  }
  if (account === undefined || outcome !== 'success') return false;
  if (proven !== undefined) verified.remember(nameOf(claim, proven), claim.secret, account.version);
  return true;
}

/** Which of its secrets it was that somebody has proved. */
type Proven = 'present' | 'old';

/** The two are remembered apart, so that neither fleet of a client throws the other onto the slow path. */
function nameOf({ name }: Pick<Claim, 'name'>, proven: Proven): string {
  // With blanks, so that no client id is the same: those have none.
  return proven === 'old' ? `old ${name}` : name;
}

/** Forgets what was remembered of somebody's secrets. */
export function forgetSecrets({ access }: Engine, name: string): void {
  for (const which of ['present', 'old'] as const) access.verified.forget(nameOf({ name }, which));
}

/** What was remembered of the old secret ends with it: it is asked for only while the account has one. */
function isRemembered({ access }: Engine, account: Account | undefined, claim: Claim): boolean {
  if (account === undefined) return false;
  const { secret } = claim;
  const isPresent = access.verified.isRemembered(nameOf(claim, 'present'), secret, account.version);
  const isOld = access.verified.isRemembered(nameOf(claim, 'old'), secret, account.version);
  return isPresent || (isOld && typeof account.oldSecretHash === 'string');
}

/** Every hash is computed, also after one has matched: time does not tell which it was, nor how many there are. */
async function secretOf(engine: Engine, account: Account | undefined, claim: Claim): Promise<Proven | undefined> {
  const isPresent = await isHashOf(engine, claim.secret, account?.secretHash);
  const isOld = claim.secretsMax === 2 && (await isHashOf(engine, claim.secret, account?.oldSecretHash));
  if (isPresent) return 'present';
  return isOld ? 'old' : undefined;
}

async function isHashOf({ access }: Engine, secret: string, hash: string | null | undefined): Promise<boolean> {
  if (typeof hash !== 'string') return await access.hasher.dummyVerify(secret);
  return await access.hasher.verify(secret, hash);
}
