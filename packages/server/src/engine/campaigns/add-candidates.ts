import { sealBytes } from '../../keys/sealing.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { Artifact } from '../../model/call.ts';
import type { Task, TaskStatus } from '../../model/campaign.ts';
import type { StoreTx } from '../../model/store.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { contextOf } from '../secrets.ts';
import { AddingLease } from './adding-lease.ts';
import { type NamedCandidate, type NewCandidate, nameCandidates } from './name-candidates.ts';
import { tooSlow } from './sweep-unfinished.ts';

/** Candidates sealed in one transaction. */
const batch = 200;

/**
 * Puts people on tasks of the caller's tenant, all of them or none, and returns their ids in the order given. With `start`
 * their tasks are in process afterwards.
 *
 * One that stands on its task already, with a number in common and the same id of the client's, is answered with the id
 * that it has, and nothing is added of it: within one request, between requests, and between two that come at once.
 *
 * Nor does a repeat bring back who was erased meanwhile: where an erased candidate of the task has the same id of the
 * client's, it is answered with the id of that one. Without an id of the client's nothing tells such a repeat from a new
 * request, and the person is put on the task again.
 *
 * Three steps: rows, tokens and slots are committed; numbers, variables and the rest are sealed; one small commit shows
 * everything. Whatever dies on the way leaves candidates that nobody sees; the same request finishes them when it comes
 * again, and otherwise they are swept.
 *
 * Throws `task_not_found`, `input_invalid` for a task that was halted, and `upload_busy` while one of them is being erased,
 * recognised by the id of the client's; then nothing is shown.
 */
export async function addCandidates(
  engine: Engine,
  caller: Caller,
  candidates: readonly NewCandidate[],
  options: { start: boolean },
): Promise<string[]> {
  requireScope(caller, 'calls:write');
  const lease = new AddingLease(engine);
  const named = await nameCandidates(engine, caller, candidates, lease);
  const added = named.filter((one) => one.artifacts.length > 0);
  for (let from = 0; from < added.length; from += batch) {
    await sealSome(engine, caller, added.slice(from, from + batch), lease);
    await nextTurn();
  }
  await engine.faults.at('candidates:sealed');
  await show(engine, caller, named, options);
  return named.map((one) => one.id);
}

/** Seals what is still to be: somebody else may have finished one of them, or swept it. */
async function sealSome(
  engine: Engine,
  caller: Caller,
  candidates: readonly NamedCandidate[],
  lease: AddingLease,
): Promise<void> {
  const artifacts = candidates.flatMap((one) => one.artifacts);
  const keys = await engine.tree.keysOf(artifacts.map(({ slot }) => slot));
  const sealed = new Map<number, Buffer>();
  for (const { given, artifacts: mine } of candidates) {
    for (const artifact of mine) {
      const key = keys.get(artifact.slot);
      if (key !== undefined) sealed.set(artifact.slot, sealBytes(key, contextOf(artifact), plainOf(given, artifact)));
    }
  }
  for (const key of keys.values()) key.fill(0);
  await lease.write(async (tx) => {
    const adding = await stillAdding(tx, caller, candidates);
    for (const { slot, ownerId } of artifacts) {
      const bytes = sealed.get(slot);
      if (bytes !== undefined && adding.has(ownerId)) await tx.artifacts.setSealed(slot, { sealed: bytes });
    }
  });
}

function plainOf({ details, correlation }: NewCandidate, { kind }: Artifact): Buffer {
  return Buffer.from(JSON.stringify(kind === 'details' ? details : correlation));
}

async function stillAdding(tx: StoreTx, { tenant }: Caller, of: readonly NamedCandidate[]): Promise<Set<string>> {
  const rows = await tx.candidates.findMany(
    tenant.id,
    of.map((one) => one.id),
  );
  return new Set(rows.flatMap(({ id, status }) => (status === 'ADDING' ? [id] : [])));
}

/** The commit from which on the candidates are there, and their tasks ready or in process. */
async function show(
  engine: Engine,
  caller: Caller,
  named: readonly NamedCandidate[],
  { start }: { start: boolean },
): Promise<void> {
  const added = named.filter((one) => one.artifacts.length > 0).map((one) => one.id);
  const taskIds = [...new Set(named.map(({ given }) => given.taskId))];
  await engine.store.write(async (tx) => {
    const tasks = await tx.tasks.findMany(caller.tenant.id, taskIds);
    const rows = await tx.candidates.findMany(caller.tenant.id, added);
    // Swept: this took longer than anybody waits for it. What somebody else has finished is as good as ours.
    if (rows.length < added.length) throw tooSlow();
    const adding = rows.filter(({ status }) => status === 'ADDING');
    await tx.candidates.show(adding.map(({ id }) => id));
    for (const task of tasks) {
      const count = adding.filter(({ taskId }) => taskId === task.id).length;
      const status = statusAfter(task, start);
      if (status !== task.status) await tx.tasks.update(task.id, { status, updatedAt: engine.clock.now() });
      if (count === 0 && status === task.status) continue;
      await tx.audit.append(auditEntry(engine, caller, 'candidates.added', task.id, { added: count, status }));
    }
  });
}

/** A task that has candidates is ready at least. One that was halted meanwhile stays so. */
function statusAfter({ status }: Task, start: boolean): TaskStatus {
  if (status === 'HALTED') return status;
  if (start) return 'PROCESS';
  return status === 'BLANK' ? 'READY' : status;
}
