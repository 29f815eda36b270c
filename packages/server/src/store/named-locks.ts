import { createHash } from 'node:crypto';
import type { Session } from './session.ts';

/**
 * Takes, until the transaction ends, what a name of the store's own stands for: `shared` lets in others who share, `alone`
 * nobody. Nothing where a write transaction has the whole database.
 *
 * For the few things that many transactions share and somebody must get alone all the same: whoever waits for such a lock is
 * let in before those who come later, which a row that is locked by `FOR SHARE` all the time does not promise
 * (https://www.postgresql.org/docs/current/explicit-locking.html, sections 13.3.2 and 13.3.5).
 */
export async function takeNamed(session: Session, name: string, mode: 'shared' | 'alone'): Promise<void> {
  const { advisory, list } = session.dialect;
  if (advisory !== null) await session.rows(advisory(mode), [list([numberOf(name)])]);
}

/** 63 bits of a digest, in decimal. */
function numberOf(name: string): string {
  return (createHash('sha256').update(name).digest().readBigUInt64BE() >> 1n).toString();
}
