import { AppError } from '../model/errors.ts';
import type { StoreReads, StoreTx } from '../model/store.ts';
import type { Job } from '../model/tenant.ts';
import { toJob } from './rows.ts';
import type { Parameter, Session } from './session.ts';
import type { Row } from './tables.ts';

export function jobReads(session: Session): StoreReads['jobs'] {
  const jobs = () => session.builder.selectFrom('job').selectAll();
  return {
    async find(id) {
      const row = await session.first<Row<'job'>>('SELECT * FROM job WHERE id = ?', [id]);
      return row && toJob(row);
    },
    /** When the first unfinished job may be claimed: a job under a lease not before that has run out. */
    async nextRunAt() {
      const sql = `SELECT min(CASE WHEN lease_until > run_at THEN lease_until ELSE run_at END) AS next
        FROM job WHERE finished_at IS NULL`;
      const [row] = await session.rows<{ next: number | null }>(sql, []);
      return row?.next ?? undefined;
    },
    /** Unfinished ones by when they are due, all of them newest first. */
    async list({ unfinishedOnly, limit }) {
      const unfinished = jobs().where('finished_at', 'is', null).orderBy('run_at');
      const listed = unfinishedOnly ? unfinished : jobs().orderBy('id', 'desc');
      return (await listed.limit(limit).execute()).map(toJob);
    },
    async unfinished(kind, payloads) {
      const { dialect } = session;
      const sql = `SELECT payload FROM job WHERE finished_at IS NULL AND kind = ? AND ${dialect.within('payload')}`;
      const rows = await session.rows<Pick<Row<'job'>, 'payload'>>(sql, [kind, dialect.list(payloads)]);
      return new Set(rows.map((row) => row.payload));
    },
  };
}

/** What every write of a worker repeats: the job is still this owner's and this attempt's. */
const fenced = 'id = ? AND lease_owner = ? AND attempts = ? AND finished_at IS NULL';

export function jobWrites(session: Session): StoreTx['jobs'] {
  const { dialect } = session;
  return {
    ...jobReads(session),
    /** With a lease it is the owner's first attempt from the start. */
    async enqueue({ id, kind, payload, runAt, lease }) {
      const sql = `INSERT INTO job (id, kind, payload, run_at, attempts, lease_owner, lease_until)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, payload) WHERE finished_at IS NULL DO NOTHING`;
      await session.change(sql, [id, kind, payload, runAt, lease ? 1 : 0, lease?.owner ?? null, lease?.until ?? null]);
    },
    /** Those that are due for longest come first, those put off beyond belief last. */
    async claim({ owner, now, leaseUntil, limit, putOffMax = Number.MAX_SAFE_INTEGER }) {
      // Looked for once, whatever the plan: a second look would leave out what the first has taken, and take more.
      const sql = `WITH due AS MATERIALIZED (
          SELECT id FROM job WHERE finished_at IS NULL AND (run_at <= ? OR run_at > ?)
            AND (lease_until IS NULL OR lease_until <= ?)
          ORDER BY run_at, id LIMIT ? ${dialect.lock.free}
        ) UPDATE job SET lease_owner = ?, lease_until = ?, attempts = attempts + 1 WHERE id IN (SELECT id FROM due)
        RETURNING *`;
      const rows = await session.rows<Row<'job'>>(sql, [now, putOffMax, now, limit, owner, leaseUntil]);
      return rows.map(toJob).toSorted((a, b) => a.runAt - b.runAt || (a.id < b.id ? -1 : 1));
    },
    async fence(job) {
      const sql = `SELECT id FROM job WHERE ${fenced} ${dialect.lock.alone}`;
      return (await session.rows(sql, fenceOf(job))).length === 1;
    },
    async renew(job, leaseUntil) {
      const sql = `UPDATE job SET lease_until = ? WHERE ${fenced}`;
      return (await session.change(sql, [leaseUntil, ...fenceOf(job)])) === 1;
    },
    /** Throws `lease_lost` when the job is no longer this owner's. */
    async finish(job, at) {
      const sql = `UPDATE job SET finished_at = ?, lease_owner = NULL, lease_until = NULL WHERE ${fenced}`;
      refuseLost(await session.change(sql, [at, ...fenceOf(job)]));
    },
    /** Throws `lease_lost` when the job is no longer this owner's. */
    async retry(job, runAt, lastError) {
      const sql = `UPDATE job SET run_at = ?, last_error = ?, lease_owner = NULL, lease_until = NULL WHERE ${fenced}`;
      refuseLost(await session.change(sql, [runAt, lastError, ...fenceOf(job)]));
    },
    /** One that is due already keeps its place. */
    async hasten(kind, payloads, now) {
      // Taken in order before they are changed: two that hasten the same jobs must not wait for each other. Nor must whoever runs
      // one, which holds its job and may wait for what we hold; it looks again before it puts the job off.
      const late = `SELECT id FROM job WHERE finished_at IS NULL AND kind = ? AND ${dialect.within('payload')}
        AND run_at > ? AND (lease_owner IS NULL OR lease_until <= ?) ORDER BY id ${dialect.lock.alone}`;
      const jobs = await session.rows<Pick<Row<'job'>, 'id'>>(late, [kind, dialect.list(payloads), now, now]);
      const ids = dialect.list(jobs.map(({ id }) => id));
      await session.change(`UPDATE job SET run_at = ? WHERE ${dialect.within('id')}`, [now, ids]);
    },
  };
}

function fenceOf(job: Job): Parameter[] {
  return [job.id, job.leaseOwner, job.attempts];
}

function refuseLost(changed: number): void {
  if (changed !== 1) throw new AppError('lease_lost');
}
