import Database from 'better-sqlite3';
import { AppError } from '../model/errors.ts';

/**
 * Marks a copy as being restored before it gets the name of a home's database: from its first moment there, everybody but
 * a restore refuses it. It bears no leaf before `nextLeaf`, whose numbers the database that it replaces has used.
 *
 * Durable when it returns. Nobody else may have the file open. Throws `damage` for one without an archive row.
 */
export function markRestoring(file: string, nextLeaf: number): void {
  const database = new Database(file, { fileMustExist: true });
  try {
    database.pragma('synchronous = FULL');
    const sql = 'UPDATE archive SET is_restoring = 1, next_leaf = max(next_leaf, ?)';
    if (database.prepare(sql).run(nextLeaf).changes !== 1) {
      throw new AppError('damage', { detail: 'the copy has no archive row' });
    }
  } finally {
    database.close();
  }
}
