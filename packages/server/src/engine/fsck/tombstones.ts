import { type Tombstone, tombstoneIdentifierKinds } from '../../model/erasure.ts';
import type { TombstoneToken } from '../../model/store.ts';
import { type JournalRow, journalPages, Suspects } from './journal-pages.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';

/**
 * Tombstones and the journal agree both ways; a call with a tombstone has no row, but for an upload that was under way
 * and has not noticed yet; what a tombstone keeps is what it may keep. Artifacts and tokens of purged calls are found by
 * the checks of those.
 */
export async function checkTombstones(look: Look): Promise<void> {
  await checkStones(look);
  await checkStoneTokens(look);
  for await (const page of journalPages(look.reads)) await checkPurged(look, page);
}

async function checkStones(look: Look): Promise<void> {
  const unjournaled = new Suspects<null>({
    reads: look.reads,
    explains: (entry) => entry.kind === 'item_erased' && entry.action === 'purge',
    report: (callId) => look.findings.problem('tombstone_unjournaled', `call ${callId}`),
  });
  const read = async (after: string) => await look.reads.tombstones.page(after, pageSize);
  for await (const page of paged('', read, (last: Tombstone) => last.callId)) {
    look.findings.count('tombstones', page.length);
    for (const [tenantId, stones] of byTenant(page)) {
      const ids = stones.map((stone) => stone.callId);
      for (const call of await look.reads.calls.findMany(tenantId, ids)) {
        const hasNotNoticed = call.uploadUntil !== null && call.isUploadDoomed;
        if (!hasNotNoticed) look.findings.problem('tombstone_of_living', `call ${call.id}`);
      }
    }
    for (const stone of page) await unjournaled.add(stone.callId, null);
  }
  await unjournaled.settle();
}

async function checkStoneTokens(look: Look): Promise<void> {
  const read = async (after: TombstoneToken | undefined) => await look.reads.tombstones.tokenPage(after, pageSize);
  for await (const page of paged(undefined, read, (last: TombstoneToken | undefined) => last)) {
    look.findings.count('tombstoneTokens', page.length);
    for (const [tenantId, tokens] of byTenant(page)) {
      const ids = [...new Set(tokens.map((token) => token.callId))];
      const stones = new Set((await look.reads.tombstones.find(tenantId, ids)).map((stone) => stone.callId));
      for (const { kind, callId } of tokens) {
        const what = `${kind} token of call ${callId}`;
        if (!stones.has(callId)) look.findings.problem('tombstone_token_orphaned', what);
        if (!tombstoneIdentifierKinds.includes(kind)) look.findings.problem('tombstone_token_kind', what);
      }
    }
  }
}

/**
 * A purge that the journal knows has a tombstone, unless the tombstone may have been dropped. It is dropped so long after
 * the verification, which comes after the journal row; so a row younger than that must have one.
 */
async function checkPurged(look: Look, page: readonly JournalRow[]): Promise<void> {
  const oldest = look.now - look.engine.limits.tombstoneMs;
  const purges = page.filter((row) => row.kind === 'item_erased' && row.action === 'purge' && row.at >= oldest);
  for (const [tenantId, rows] of byTenant(purges)) {
    const ids = rows.flatMap((row) => row.ownerId ?? []);
    const stones = new Set((await look.reads.tombstones.find(tenantId, ids)).map((stone) => stone.callId));
    for (const id of ids) if (!stones.has(id)) look.findings.problem('purge_without_tombstone', `call ${id}`);
  }
}
