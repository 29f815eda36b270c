import { createHash } from 'node:crypto';
import type { LockKey, Locks } from '../model/locks.ts';
import type { Session } from './session.ts';

/**
 * Locks of one tenant, as a power of two. PostgreSQL has a table of bounded size for the locks of all its transactions (6,400
 * with its default settings), and a purge may name more things than that: this is the most that one transaction takes. Two
 * things that share a lock wait for each other for nothing, for as long as a transaction takes.
 */
const bitsPerTenant = 10n;

/** Locks of one transaction. What it has it is not asked for again, unless it has shared and wants to be alone. */
export function locks(session: Session): Locks {
  const taken = new Map<bigint, 'shared' | 'alone'>();
  return {
    async take(keys, mode) {
      const { advisory, list } = session.dialect;
      if (advisory === null) return;
      const wanted = new Set(keys.map(numberOf).filter((key) => taken.get(key) !== 'alone' && taken.get(key) !== mode));
      if (wanted.size === 0) return;
      const ascending = [...wanted].sort((a, b) => (a < b ? -1 : 1));
      await session.rows(advisory(mode), [list(ascending.map(String))]);
      for (const key of ascending) taken.set(key, mode);
    },
  };
}

/** The lock that a key stands for, in 63 bits: whose it is, then which of theirs. */
function numberOf({ tenantId, what, digest }: LockKey): bigint {
  const tenant = digestOf(tenantId, '') >> (1n + bitsPerTenant);
  const thing = digestOf(`${what}\0`, digest) >> (64n - bitsPerTenant);
  return (tenant << bitsPerTenant) | thing;
}

/** The first 64 bits of a digest. */
function digestOf(label: string, value: Uint8Array | string): bigint {
  return createHash('sha256').update(label).update(value).digest().readBigUInt64BE();
}
