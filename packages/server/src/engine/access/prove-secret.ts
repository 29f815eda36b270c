import { AppError } from '../../model/errors.ts';
import type { Engine } from '../context.ts';

/** What is stored of whoever logs in. */
export type Account = {
  /** Under which name its secrets are remembered. */
  rememberedAs: string;
  secretHash: string;
  /** The secret before it, while that is good, too. */
  oldSecretHash?: string | null;
  /** Another one with every change after which a secret must not be remembered any more. Has no colon. */
  version: number | string;
};

/** What somebody says who wants in: under which name (for the counts of failures alone), with what, and from where. */
export type Claim = {
  name: string;
  secret: string;
  address: string;
  /**
   * How many hashes are computed at least, however few there are: as many as there are in any case that must not be told
   * from others by its time.
   */
  hashesMin: number;
  /**
   * True where whoever has one account of this name may be another than whoever has the next. Then a success clears no
   * failures: with an account of one's own, one could guess for ever at those of others.
   */
  isShared?: boolean;
};

/**
 * Whose secret it is: none of the accounts, or one; or more, where several that share a name share their secret too. Without
 * any account it is nobody's, and costs the same; of two secrets that are good, either costs what the other does, and what a
 * wrong one does.
 *
 * A secret verified in the last ten minutes is let in before anything else is asked: real clients log in before every call,
 * and nobody else's failures may lock them out. Everything else goes through the throttle, then Argon2id. Throws
 * `slow_down` when too many attempts have failed for the name or from the address.
 */
export async function proveSecret<T extends Account>(
  engine: Engine,
  accounts: readonly T[],
  claim: Claim,
): Promise<T[]> {
  const known = remembered(engine, accounts, claim);
  if (known !== undefined) return [known];
  const admission = await engine.access.throttle.admit(claim.name, claim.address);
  if (admission.kind === 'wait') throw new AppError('slow_down', { retryAfterMs: admission.retryAfterMs });
  let outcome: 'success' | 'failure' | 'abandoned' = 'abandoned';
  try {
    // A burst with the right secret is hashed once: the first has been remembered while the others stood in line.
    const again = remembered(engine, accounts, claim);
    const proven = again === undefined ? await provenOf(engine, accounts, claim) : [again];
    const isProven = proven.length > 0;
    const onSuccess = claim.isShared === true ? 'abandoned' : 'success';
    outcome = isProven ? onSuccess : 'failure';
    return proven;
  } finally {
    admission.release(outcome);
  }
}

/** Which of its secrets it was that somebody has proved. */
type Which = 'present' | 'old';

/** The two are remembered apart, so that neither fleet of a client throws the other onto the slow path. */
function nameOf({ rememberedAs }: Pick<Account, 'rememberedAs'>, which: Which): string {
  // With blanks, so that no client id is the same: those have none.
  return which === 'old' ? `old ${rememberedAs}` : rememberedAs;
}

/** Forgets what was remembered of somebody's secrets. */
export function forgetSecrets({ access }: Engine, rememberedAs: string): void {
  for (const which of ['present', 'old'] as const) access.verified.forget(nameOf({ rememberedAs }, which));
}

/** What was remembered of an old secret ends with it: it is asked for only while the account has one. */
function remembered<T extends Account>({ access }: Engine, accounts: readonly T[], { secret }: Claim): T | undefined {
  return accounts.find((account) => {
    const isPresent = access.verified.isRemembered(nameOf(account, 'present'), secret, account.version);
    const isOld = access.verified.isRemembered(nameOf(account, 'old'), secret, account.version);
    return isPresent || (isOld && typeof account.oldSecretHash === 'string');
  });
}

/**
 * Every hash is computed, also after one has matched: time does not tell which it was. Remembers the secret where it is that
 * of one account alone.
 */
async function provenOf<T extends Account>(engine: Engine, accounts: readonly T[], claim: Claim): Promise<T[]> {
  const { secret, hashesMin } = claim;
  const proven: { account: T; which: Which }[] = [];
  let hashes = 0;
  for (const account of accounts) {
    const { secretHash, oldSecretHash } = account;
    const isPresent = await engine.access.hasher.verify(secret, secretHash);
    const isOld = typeof oldSecretHash === 'string' && (await engine.access.hasher.verify(secret, oldSecretHash));
    hashes += typeof oldSecretHash === 'string' ? 2 : 1;
    if (isPresent || isOld) proven.push({ account, which: isPresent ? 'present' : 'old' });
  }
  for (; hashes < hashesMin; hashes += 1) await engine.access.hasher.dummyVerify(secret);
  const [first, ...others] = proven;
  if (first !== undefined && others.length === 0) {
    engine.access.verified.remember(nameOf(first.account, first.which), secret, first.account.version);
  }
  return proven.map(({ account }) => account);
}
