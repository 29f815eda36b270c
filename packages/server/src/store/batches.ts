import type { Parameter, Session } from './session.ts';

// Few sizes, so that each is one statement that stays prepared.
const sizes = [64, 16, 4, 1];

/** Cuts `items` into pieces of 64, then what remains into pieces of 16, 4 and 1. */
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

/**
 * A statement per batch size. `text` is called once for each; what it makes is long, and building it for every batch
 * would take as long as running it.
 */
export function perBatch(text: (size: number) => string): (batch: readonly unknown[]) => string {
  const texts = new Map(sizes.map((size) => [size, text(size)]));
  return (batch) => texts.get(batch.length) ?? text(batch.length);
}

/** An INSERT of any number of rows. `into` names table and columns, `onConflict` says what happens then. */
export function rowInsert(
  into: { table: string; columns: readonly string[] },
  onConflict = '',
): (session: Session, rows: readonly (readonly Parameter[])[]) => Promise<void> {
  const row = `(${marks(into.columns.length)})`;
  const head = `INSERT INTO ${into.table} (${into.columns.join(', ')}) VALUES`;
  const textOf = perBatch((size) => `${head} ${Array.from({ length: size }, () => row).join(', ')} ${onConflict}`);
  return async (session, rows) => {
    for (const batch of batches(rows)) await session.change(textOf(batch), batch.flat());
  };
}
