import { AppError } from '../model/errors.ts';
import { migrations } from './migrations/index.ts';

/** Throws `store_newer` for the last migration of a schema that this program does not know. */
export function refuseUnknownSchema(lastMigration: string): void {
  if (migrations.some((migration) => migration.name === lastMigration)) return;
  throw new AppError('store_newer', { detail: `unknown migration: ${lastMigration}` });
}
