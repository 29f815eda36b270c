import type { Parameter, Session } from './session.ts';

// Few sizes, so that each is one statement that stays prepared.
const sizes = [64, 16, 4, 1];

/** Cuts `items` into pieces of 64, then what remains into 16, 4 and 1. */
export function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  let from = 0;
  for (const size of sizes) {
    for (; items.length - from >= size; from += size) yield items.slice(from, from + size);
  }
}

/** `?, ?, ?`, as many as `count`. */
export function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

/** An INSERT of many rows: `head` names table and columns, `tail` says what happens on a conflict. */
export async function insertRows(
  session: Session,
  statement: { head: string; tail?: string },
  rows: readonly (readonly Parameter[])[],
): Promise<void> {
  for (const batch of batches(rows)) {
    const values = batch.map((row) => `(${marks(row.length)})`).join(', ');
    await session.change(`${statement.head} VALUES ${values} ${statement.tail ?? ''}`, batch.flat());
  }
}
