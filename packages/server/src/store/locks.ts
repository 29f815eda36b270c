import { createHash } from 'node:crypto';
import type { LockKey, Locks } from '../model/locks.ts';
import type { Session } from './session.ts';

type Mode = 'shared' | 'alone';

/**
 * Locks of one tenant, as a power of two. PostgreSQL has a table of bounded size for the locks of all its transactions (6,400
 * with its default settings), and a purge may name more things than that: this is the most that one transaction takes. Two
 * things that share a lock wait for each other for nothing, for as long as a transaction takes.
 */
const bitsPerTenant = 10n;

/** The most locks of one tenant that a transaction takes, whatever it names. */
export const tenantLocksMax = Number(1n << bitsPerTenant);

/** Locks of one transaction. What it has it is not asked for again, unless it has shared and wants to be alone. */
export function locks(session: Session): Locks {
  const taken = new Map<bigint, Mode>();
  return {
    async take(keys, mode) {
      if (session.dialect.advisory === null) return;
      const isNew = (number: bigint) => taken.get(number) !== 'alone' && taken.get(number) !== mode;
      const wanted = [...new Set(keys.map(numberOf).filter(isNew))];
      await takeNumbers(session, wanted, mode);
      for (const number of wanted) taken.set(number, mode);
    },
  };
}

/**
 * Takes, until the transaction ends, what a name of the store's own stands for: `shared` lets in others who share, `alone`
 * nobody. Nothing where a write transaction has the whole database.
 *
 * For the few things that many transactions share and somebody must get alone all the same: whoever waits for such a lock is
 * let in before those who come later, which a row that is locked by `FOR SHARE` all the time does not promise
 * (https://www.postgresql.org/docs/current/explicit-locking.html, sections 13.3.2 and 13.3.5).
 */
export async function takeNamed(session: Session, name: string, mode: Mode): Promise<void> {
  await takeNumbers(session, [digestOf(name, '') >> 1n], mode);
}

/**
 * Takes locks in ascending order, so that two transactions never wait for each other. Each number is 63 bits out of a digest:
 * two things share one by chance alone. Neither can a number be the lock of the archive, which is a pair of integers
 * (`watch-connection.ts`): PostgreSQL keeps these apart. That of migrations is one number (`migrate.ts`).
 */
async function takeNumbers(session: Session, numbers: readonly bigint[], mode: Mode): Promise<void> {
  const { advisory, list } = session.dialect;
  if (advisory === null || numbers.length === 0) return;
  const ascending = [...numbers].sort((a, b) => (a < b ? -1 : 1));
  await session.rows(advisory(mode), [list(ascending.map(String))]);
}

/** The number of a tenant's lock: whose it is, then which of theirs. */
function numberOf({ tenantId, what, digest }: LockKey): bigint {
  const tenant = digestOf(tenantId, '') >> (1n + bitsPerTenant);
  const thing = digestOf(`${what}\0`, digest) >> (64n - bitsPerTenant);
  return (tenant << bitsPerTenant) | thing;
}

/** The first 64 bits of a digest. */
function digestOf(label: string, value: Uint8Array | string): bigint {
  return createHash('sha256').update(label).update(value).digest().readBigUInt64BE();
}
