import { type Call, type CallArtifactKind, isArchived } from '../../model/call.ts';
import { awaitedMsMax } from '../events/awaited.ts';
import { withPersonalTokens } from './campaigns.ts';
import { reachOfEntry, Suspects } from './journal-pages.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';

/** What every archived call has until an erasure takes it. */
const always = ['details', 'correlation'] as const satisfies CallArtifactKind[];

/**
 * Every archived call has its details and its correlation, unless the journal says that an erasure which reaches them
 * took them, or a restore had to drop them. Status and upload agree. Uploads under way, and those given up but not yet swept, are not damage.
 *
 * The candidate and the task of a call are there, and of its tenant. Of what a call is marked to have lost nothing is left.
 */
export async function checkCalls(look: Look): Promise<void> {
  const missing = new Suspects<Set<CallArtifactKind>>({
    reads: look.reads,
    explains(entry, kinds) {
      for (const kind of reachOfEntry(entry)?.artifacts ?? []) kinds.delete(kind);
      // A restore drops what was replaced later; what took its place went with the database.
      return kinds.size === 0 || entry.kind === 'slots_replaced';
    },
    report: (callId, kinds) => look.findings.problem('call_incomplete', `call ${callId}: ${[...kinds].join(', ')}`),
  });
  const read = async (afterId: string) => await look.reads.calls.page(afterId, pageSize);
  for await (const page of paged('', read, (last: Call) => last.id)) {
    for (const call of page) checkState(look, call);
    const archived = page.filter(isArchived);
    look.findings.count('calls', archived.length);
    look.findings.count('uploads', page.filter((call) => call.status === 'uploading').length);
    const awaited = page.filter((call) => call.status === 'awaited');
    look.findings.count('awaited', awaited.length);
    // No problem: a hold keeps them, or nobody has swept since.
    const overdue = awaited.filter((call) => call.createdAt < look.now - awaitedMsMax);
    look.findings.count('awaitedOverdue', overdue.length);
    if (look.isDeep) for (const call of archived) look.findings.ofTenant(call.tenantId).calls += 1;
    for (const [callId, kinds] of await missingOf(look, archived)) await missing.add(callId, kinds);
    for (const [tenantId, calls] of byTenant(page)) await checkCampaign(look, tenantId, calls);
    await checkMarks(look, archived);
  }
  await missing.settle();
}

function checkState(look: Look, call: Call): void {
  const isUploading = call.status === 'uploading';
  const agrees = isUploading === (call.uploadUntil !== null) && (isUploading || !call.isUploadDoomed);
  const hasTenant = look.tenants.some((tenant) => tenant.id === call.tenantId);
  if (!agrees || !hasTenant) look.findings.problem('call_state', `call ${call.id}`);
}

async function missingOf(look: Look, calls: readonly Call[]): Promise<Map<string, Set<CallArtifactKind>>> {
  const missing = new Map<string, Set<CallArtifactKind>>();
  for (const [tenantId, mine] of byTenant(calls)) {
    const ids = mine.map((call) => call.id);
    for (const kind of always) {
      const artifacts = await look.reads.artifacts.findMany(ids, kind);
      const there = new Set(artifacts.filter((one) => one.tenantId === tenantId).map((one) => one.ownerId));
      for (const id of ids) if (!there.has(id)) missing.set(id, (missing.get(id) ?? new Set()).add(kind));
    }
  }
  return missing;
}

async function checkCampaign(look: Look, tenantId: string, calls: readonly Call[]): Promise<void> {
  const idsIn = (key: 'candidateId' | 'taskId') => [...new Set(calls.flatMap((call) => call[key] ?? []))];
  const rows = [
    ...(await look.reads.candidates.findMany(tenantId, idsIn('candidateId'))),
    ...(await look.reads.tasks.findMany(tenantId, idsIn('taskId'))),
  ];
  const there = new Set(rows.map((row) => row.id));
  for (const { id, candidateId, taskId } of calls) {
    const missing = [candidateId, taskId].filter((one) => one !== null && !there.has(one));
    if (missing.length > 0) look.findings.problem('call_without_campaign', `call ${id}: ${missing.join(', ')}`);
  }
}

/** What each mark of a call says is gone. */
async function checkMarks(look: Look, calls: readonly Call[]): Promise<void> {
  const idsWith = (mark: 'depersonalizedAt' | 'recordingErasedAt') =>
    calls.flatMap((call) => (call[mark] === null ? [] : [call.id]));
  const report = (callId: string, what: string) =>
    look.findings.problem('mark_contradicted', `call ${callId}: ${what}`);
  const depersonalized = idsWith('depersonalizedAt');
  for (const [kind, ids] of [
    ['details', depersonalized],
    ['transcript', depersonalized],
    ['recording', idsWith('recordingErasedAt')],
  ] as const) {
    for (const { ownerId } of await look.reads.artifacts.findMany(ids, kind)) report(ownerId, kind);
  }
  for (const id of await withPersonalTokens(look, depersonalized)) report(id, 'tokens');
}
