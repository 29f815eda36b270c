import type { UpdateResult } from 'kysely';
import { Bug } from '../model/errors.ts';

/** An UPDATE as the query builder makes it. */
type Update = { executeTakeFirst(): Promise<UpdateResult | undefined> };

/** Runs an UPDATE; how many rows it changed. */
export async function changedRows(update: Update): Promise<number> {
  return Number((await update.executeTakeFirst())?.numUpdatedRows ?? 0);
}

/**
 * Runs an UPDATE of one row. That it is there is for the caller to know, who has read it in the same transaction: where it
 * is not, this throws Bug.
 */
export async function changeOne(update: Update): Promise<void> {
  if ((await changedRows(update)) !== 1) throw new Bug('the row to be changed is not there');
}

/** True when a partial change changes nothing, which no UPDATE can say. */
export function isEmpty(change: Record<string, unknown>): boolean {
  return Object.values(change).every((value) => value === undefined);
}
