import { type Call, type DialStatus, dialStatuses, isLive } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';

/** What a platform says later of a call's row. Times in ms since the Unix epoch. */
export type RowChange = { dialStatus?: DialStatus; endedAt?: number; durationMs?: number; retainUntil?: number };

/** The part of a row that can change. */
export type ChangingRow = Pick<Call, 'startedAt' | 'endedAt' | 'durationMs' | 'dialStatus' | 'retainUntil'>;

/**
 * Those fields of the change that say something new. With a new end comes the duration that follows from it, where nobody
 * has given another.
 *
 * Throws `input_invalid` for a call that would become less over than it is, or end before it began. One that is over may
 * still be told to have ended otherwise.
 */
export function newInRow(row: ChangingRow, change: RowChange): RowChange {
  const { dialStatus = row.dialStatus, endedAt = row.endedAt, retainUntil = row.retainUntil } = change;
  if (stageOf(dialStatus) < stageOf(row.dialStatus)) {
    throw new AppError('input_invalid', { message: 'The status of a call does not go back' });
  }
  if (change.endedAt !== undefined && row.startedAt !== null && change.endedAt < row.startedAt) {
    throw new AppError('input_invalid', { message: 'The call would end before it began' });
  }
  const wasGiven = row.durationMs !== null && row.durationMs !== between(row.startedAt, row.endedAt);
  const follows = change.endedAt !== undefined && !wasGiven;
  const durationMs = change.durationMs ?? (follows ? between(row.startedAt, endedAt) : row.durationMs);
  return {
    ...(dialStatus !== null && dialStatus !== row.dialStatus && { dialStatus }),
    ...(endedAt !== null && endedAt !== row.endedAt && { endedAt }),
    ...(durationMs !== null && durationMs !== row.durationMs && { durationMs }),
    ...(retainUntil !== null && retainUntil !== row.retainUntil && { retainUntil }),
  };
}

/** How far a call has come: each of the live statuses is a stage, and so is being over. */
function stageOf(dialStatus: DialStatus | null): number {
  return dialStatus !== null && isLive({ dialStatus }) ? dialStatuses.indexOf(dialStatus) : dialStatuses.length;
}

function between(startedAt: number | null, endedAt: number | null): number | null {
  return startedAt === null || endedAt === null ? null : endedAt - startedAt;
}
