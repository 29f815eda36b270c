import { AppError } from '../../model/errors.ts';

/**
 * What the store says when the database file itself is damaged: a page that makes no sense, or no database at all.
 * Undefined for every other error. The store gives the database's own word as the detail of what has no code of ours.
 */
export function malformedDetail(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.code !== 'internal') return undefined;
  return /^SQLITE_(CORRUPT|NOTADB)/.test(error.detail ?? '') ? error.detail : undefined;
}
