import type { CallArtifactKind } from '../../model/call.ts';
import type { Candidate, Task } from '../../model/campaign.ts';
import { personalIdentifierKinds } from '../../model/erasure.ts';
import { reachOfEntry, Suspects } from './journal-pages.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';
import { candidateArtifactKinds } from './owners.ts';

/**
 * Every task has its settings. Every candidate has a task of its own tenant, and its details and correlation, unless the
 * journal says that an erasure took them; of one that is marked as depersonalized neither details nor tokens that name a
 * person are left. What is still being added is no damage, nor is what nobody will finish: the sweep comes for it.
 */
export async function checkCampaigns(look: Look): Promise<void> {
  const readTasks = async (afterId: string) => await look.reads.tasks.page(afterId, pageSize);
  for await (const page of paged('', readTasks, (last: Task) => last.id)) await checkTasks(look, page);
  const missing = new Suspects<Set<CallArtifactKind>>({
    reads: look.reads,
    explains(entry, kinds) {
      for (const kind of reachOfEntry(entry)?.artifacts ?? []) kinds.delete(kind);
      return kinds.size === 0;
    },
    report: (id, kinds) => look.findings.problem('candidate_incomplete', `candidate ${id}: ${[...kinds].join(', ')}`),
  });
  const readCandidates = async (afterId: string) => await look.reads.candidates.page(afterId, pageSize);
  for await (const page of paged('', readCandidates, (last: Candidate) => last.id)) {
    for (const [tenantId, candidates] of byTenant(page)) {
      for (const [id, kinds] of await checkCandidates(look, tenantId, candidates)) await missing.add(id, kinds);
    }
  }
  await missing.settle();
}

async function checkTasks(look: Look, tasks: readonly Task[]): Promise<void> {
  look.findings.count('tasks', tasks.length);
  const artifacts = await look.reads.artifacts.findMany(
    tasks.map((task) => task.id),
    'task',
  );
  const there = new Set(artifacts.map(({ tenantId, ownerId }) => `${tenantId}/${ownerId}`));
  for (const { id, tenantId } of tasks) {
    if (look.isDeep) look.findings.ofTenant(tenantId).tasks += 1;
    const hasTenant = look.tenants.some((tenant) => tenant.id === tenantId);
    if (!hasTenant || !there.has(`${tenantId}/${id}`)) look.findings.problem('task_incomplete', `task ${id}`);
  }
}

/** What each of the candidates lacks. */
async function checkCandidates(
  look: Look,
  tenantId: string,
  candidates: readonly Candidate[],
): Promise<Map<string, Set<CallArtifactKind>>> {
  look.findings.count('candidates', candidates.length);
  if (look.isDeep) look.findings.ofTenant(tenantId).candidates += candidates.length;
  const taskIds = [...new Set(candidates.map((one) => one.taskId))];
  const tasks = new Set((await look.reads.tasks.findMany(tenantId, taskIds)).map((task) => task.id));
  for (const { id, taskId } of candidates) {
    if (!tasks.has(taskId)) look.findings.problem('candidate_without_task', `candidate ${id}, task ${taskId}`);
  }
  const missing = new Map<string, Set<CallArtifactKind>>();
  const ids = candidates.map((one) => one.id);
  const marked = new Set(candidates.flatMap((one) => (one.depersonalizedAt === null ? [] : [one.id])));
  for (const kind of candidateArtifactKinds) {
    const artifacts = await look.reads.artifacts.findMany(ids, kind);
    const there = new Set(artifacts.filter((one) => one.tenantId === tenantId).map((one) => one.ownerId));
    for (const id of ids) {
      if (!there.has(id)) missing.set(id, (missing.get(id) ?? new Set()).add(kind));
      else if (kind === 'details' && marked.has(id)) reportLeft(look, id, kind);
    }
  }
  for (const id of await withPersonalTokens(look, [...marked])) reportLeft(look, id, 'tokens');
  return missing;
}

function reportLeft(look: Look, candidateId: string, what: string): void {
  look.findings.problem('mark_contradicted', `candidate ${candidateId}: ${what}`);
}

/** Those of the owners that still carry tokens which name a person. */
export async function withPersonalTokens(look: Look, ownerIds: readonly string[]): Promise<string[]> {
  const { tokens } = look.reads;
  if (ownerIds.length === 0 || (await tokens.countOfOwners(ownerIds, personalIdentifierKinds)) === 0) return [];
  const found: string[] = [];
  for (const id of ownerIds) if ((await tokens.countOfOwners([id], personalIdentifierKinds)) > 0) found.push(id);
  return found;
}
