import { type Candidate, type CandidateStatus, candidateStatuses } from '../../model/campaign.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { candidatesByPhone } from './candidates-by-phone.ts';
import { openCandidates, type ReadCandidate } from './read-candidate.ts';
import { findTask } from './read-task.ts';

/** Which candidates of a task are asked for. Every condition that is given must hold. */
export type CandidateSearch = {
  taskId: string;
  statuses: readonly CandidateStatus[] | undefined;
  /** In any writing. One without a digit is nobody's. */
  phone?: string | undefined;
  offset: number;
  limit: number;
};

/**
 * Candidates of one task in the order in which they were added, and how many there are in all. Nobody whose numbers are
 * erased is found by one. A damaged candidate is left out (`openCandidates`), and counted only where its turn had not come.
 *
 * Throws `task_not_found` as `readTask` does.
 */
export async function listCandidates(
  engine: Engine,
  caller: Caller,
  asked: CandidateSearch,
): Promise<{ count: number; candidates: ReadCandidate[] }> {
  requireScope(caller, 'calls:read', 'calls:write');
  const { reads } = engine.store;
  const { statuses = candidateStatuses, phone, offset, limit } = asked;
  const task = await findTask(reads, caller.tenant.id, asked.taskId);
  if (phone !== undefined) {
    const carriers = await candidatesByPhone(engine, caller, task.id, phone);
    const found = carriers.filter((one) => statuses.includes(one.status));
    const part = found.slice(offset, offset + limit);
    const opened = await openCandidates(engine, caller, part.map(idOf));
    const candidates = opened.candidates.filter((one) => one.phones !== null);
    // Whoever was erased since the look-up, or is damaged, is not counted either.
    return { count: found.length - (part.length - candidates.length), candidates };
  }
  const of = { taskId: task.id, statuses };
  const rows = await reads.candidates.list(caller.tenant.id, of, { offset, limit });
  const { candidates, damaged } = await openCandidates(engine, caller, rows.map(idOf));
  return { count: (await reads.candidates.count(caller.tenant.id, of)) - damaged.size, candidates };
}

function idOf({ id }: Candidate): string {
  return id;
}
