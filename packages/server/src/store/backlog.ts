import { type BacklogReads, backlogMax } from '../model/backlog.ts';
import type { Session } from './session.ts';

type BacklogRow = {
  sealed_at: number | null;
  jobs_due: number;
  due_since: number | null;
  journal_pending: number;
  pending_since: number | null;
  doomed_blobs: number;
};

/** Each count stops at its limit; each table is read by the index of what is unfinished in it. */
const sql = `SELECT (SELECT sealed_at FROM archive) AS sealed_at,
    due.jobs AS jobs_due, due.since AS due_since,
    pending.entries AS journal_pending, pending.since AS pending_since,
    doomed.blobs AS doomed_blobs
  FROM (
    SELECT count(*) AS jobs, min(since) AS since FROM (
      SELECT CASE WHEN lease_until > run_at THEN lease_until ELSE run_at END AS since FROM job
      WHERE finished_at IS NULL AND run_at <= ? AND (lease_until IS NULL OR lease_until <= ?)
      ORDER BY run_at LIMIT ?
    ) AS first_due
  ) AS due CROSS JOIN (
    SELECT count(*) AS entries, min(at) AS since FROM (
      SELECT at FROM journal WHERE copied_by IS NULL ORDER BY number LIMIT ?
    ) AS first_pending
  ) AS pending CROSS JOIN (
    SELECT count(*) AS blobs FROM (SELECT blob FROM doomed_blob LIMIT ?) AS first_doomed
  ) AS doomed`;

export function backlogReads(session: Session): BacklogReads {
  return {
    async at(now) {
      const row = await session.first<BacklogRow>(sql, [now, now, backlogMax, backlogMax, backlogMax]);
      return {
        sealedAt: row?.sealed_at ?? null,
        jobsDue: row?.jobs_due ?? 0,
        dueSince: row?.due_since ?? null,
        journalPending: row?.journal_pending ?? 0,
        pendingSince: row?.pending_since ?? null,
        doomedBlobs: row?.doomed_blobs ?? 0,
      };
    },
  };
}
