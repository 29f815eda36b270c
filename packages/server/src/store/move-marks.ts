import { AppError } from '../model/errors.ts';
import type { MoveMark } from '../model/move.ts';
import { insertOne } from './changes.ts';
import type { Session } from './session.ts';
import type { Row } from './tables.ts';

/** What the database says of a move; undefined for most. */
export async function readMoveMark(session: Session): Promise<MoveMark | undefined> {
  const row = await session.first<Row<'move'>>('SELECT * FROM move', []);
  return row && { id: row.id, archiveId: row.archive_id, state: row.state, place: row.place, at: row.at };
}

/** Puts this mark in the place of the one that is there, if any. */
export async function writeMoveMark(session: Session, mark: MoveMark): Promise<void> {
  await session.change('DELETE FROM move', []);
  const { id, archiveId, state, place, at } = mark;
  await insertOne(session, 'move', { one: 1, id, archive_id: archiveId, state, place, at });
}

/**
 * Throws `archive_moved` for a database that the archive has left for good, and for one that a move has not filled to its
 * end, unless that move itself asks.
 */
export function refuseMoved(mark: MoveMark | undefined, { arriving }: { arriving: boolean }): void {
  if (mark?.state === 'moved') throw movedAway(mark);
  if (mark?.state === 'arriving' && !arriving) throw notArrived(mark);
}

/** Says where the archive is now. */
export function movedAway({ place, at }: MoveMark): AppError {
  const when = new Date(at).toISOString();
  return new AppError('archive_moved', {
    message: `The archive was moved to ${place} (${when}); set TACET_DATABASE_URL`,
  });
}

/** Says what has to be done before anybody may use it. */
function notArrived({ place }: MoveMark): AppError {
  const message = `A move from ${place} to this database has not come to its end; run \`tacet move\` there again`;
  return new AppError('archive_moved', { message });
}
