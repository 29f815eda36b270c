import type { Engine } from '../context.ts';
import type { FsckReport } from './findings.ts';
import { lookAt } from './look-at.ts';
import { repairAll } from './repair.ts';

export type FsckOptions = {
  /** Opens everything that is sealed, too. Default: keys, rows and names only, which is cheap on a large archive. */
  deep?: boolean;
  /** Repairs what can be repaired without any danger to what lives, and looks again. Default: changes nothing. */
  repair?: boolean;
};

/**
 * Looks whether the archive is sound (`lookAt`) and, where that is asked for, repairs it (`repairAll`). Nothing is ever
 * repaired that was not found by a look of the same run. May run beside a working server.
 *
 * @throws AppError where it could not look: `blob_failed`, `vault_unreachable`, `store_busy`. Damage is never thrown,
 *   not even of the database file: it is reported as `database_malformed`.
 */
export async function fsck(engine: Engine, options: FsckOptions = {}): Promise<FsckReport> {
  const deep = options.deep === true;
  const found = await lookAt(engine, { deep });
  if (options.repair !== true) return found.report(deep);
  return await repairAll(engine, found, { deep });
}
