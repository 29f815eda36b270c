import { randomUUID } from 'node:crypto';

/**
 * A new lower-case UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits.
 *
 * Ids made later sort later to the millisecond, which keeps rows of one time together on disk.
 */
export function newId(nowMs: number): string {
  // Node draws the bits of a version 4 by the hundred; all but its first half and its version are ours as they are.
  return `${firstIdOf(nowMs)}-7${randomUUID().slice(15)}`;
}

/** When an id was made, in ms since the Unix epoch. */
export function idTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Sorts before every id made at this time or later, and after every id made before. */
export function firstIdOf(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** True for text in exactly the form that `newId` makes. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text);
}
