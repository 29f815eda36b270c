import { type Call, type CallArtifactKind, isArchived } from '../../model/call.ts';
import { reachOfEntry, Suspects } from './journal-pages.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';

/** What every archived call has until an erasure takes it. */
const always = ['details', 'correlation'] as const satisfies CallArtifactKind[];

/**
 * Every archived call has its details and its correlation, unless the journal says that an erasure which reaches them
 * took them. Status and upload agree. Uploads under way, and those given up but not yet swept, are not damage.
 */
export async function checkCalls(look: Look): Promise<void> {
  const missing = new Suspects<Set<CallArtifactKind>>({
    reads: look.reads,
    explains(entry, kinds) {
      for (const kind of reachOfEntry(entry)?.artifacts ?? []) kinds.delete(kind);
      return kinds.size === 0;
    },
    report: (callId, kinds) => look.findings.problem('call_incomplete', `call ${callId}: ${[...kinds].join(', ')}`),
  });
  const read = async (afterId: string) => await look.reads.calls.page(afterId, pageSize);
  for await (const page of paged('', read, (last: Call) => last.id)) {
    for (const call of page) checkState(look, call);
    const archived = page.filter(isArchived);
    look.findings.count('calls', archived.length);
    look.findings.count('uploads', page.filter((call) => call.status === 'uploading').length);
    look.findings.count('awaited', page.filter((call) => call.status === 'awaited').length);
    if (look.isDeep) for (const call of archived) look.findings.ofTenant(call.tenantId).calls += 1;
    for (const [callId, kinds] of await missingOf(look, archived)) await missing.add(callId, kinds);
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
