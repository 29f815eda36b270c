import { type Tombstone, tombstoneIdentifierKinds } from '../../model/erasure.ts';
import type { TombstoneToken } from '../../model/erasure-store.ts';
import { fromErasedDetail } from '../journal-details.ts';
import { reportSessionsOfErased } from './erased-sessions.ts';
import { isPurge, type JournalRow, journalPages, Suspects } from './journal-pages.ts';
import { byTenant, type Look, paged, pageSize } from './look.ts';
import type { EpochKeys } from './slots.ts';

/**
 * Tombstones and the journal agree both ways; a call or candidate with a tombstone has no row, but for an upload that was under way
 * and has not noticed yet; what a tombstone keeps is what it may keep. Artifacts and tokens of purged calls are found by
 * the checks of those. In a deep look, no call has the session id of a purged one.
 *
 * @param epochKeys keys of the living epochs; empty unless the look is deep.
 */
export async function checkTombstones(look: Look, epochKeys: EpochKeys): Promise<void> {
  await checkStones(look);
  await checkStoneTokens(look, epochKeys);
  for await (const page of journalPages(look.reads)) await checkPurged(look, page);
}

async function checkStones(look: Look): Promise<void> {
  const unjournaled = new Suspects<null>({
    reads: look.reads,
    explains: isPurge,
    report: (callId) => look.findings.problem('tombstone_unjournaled', `call ${callId}`),
  });
  const read = async (after: string) => await look.reads.tombstones.page(after, pageSize);
  for await (const page of paged('', read, (last: Tombstone) => last.callId)) {
    look.findings.count('tombstones', page.length);
    for (const [tenantId, stones] of byTenant(page)) {
      const ids = stones.map((stone) => stone.callId);
      if (look.isDeep) look.findings.ofTenant(tenantId).tombstones += stones.length;
      for (const call of await look.reads.calls.findMany(tenantId, ids)) {
        const hasNotNoticed = call.uploadUntil !== null && call.isUploadDoomed;
        if (!hasNotNoticed) look.findings.problem('tombstone_of_living', `call ${call.id}`);
      }
      for (const { id } of await look.reads.candidates.findMany(tenantId, ids)) {
        look.findings.problem('tombstone_of_living', `candidate ${id}`);
      }
    }
    for (const stone of page) await unjournaled.add(stone.callId, null);
  }
  await unjournaled.settle();
}

async function checkStoneTokens(look: Look, epochKeys: EpochKeys): Promise<void> {
  const read = async (after: TombstoneToken | undefined) => await look.reads.tombstones.tokenPage(after, pageSize);
  for await (const page of paged(undefined, read, (last: TombstoneToken | undefined) => last)) {
    look.findings.count('tombstoneTokens', page.length);
    for (const [tenantId, tokens] of byTenant(page)) {
      const ids = [...new Set(tokens.map((token) => token.callId))];
      const stones = new Set((await look.reads.tombstones.find(tenantId, ids)).map((stone) => stone.callId));
      for (const { kind, callId } of tokens) {
        const what = `${kind} token of call ${callId}`;
        if (!stones.has(callId)) {
          const cure = { code: 'tombstone_token_orphaned', kind: 'tombstone-tokens', tenantId, callId } as const;
          look.findings.problem('tombstone_token_orphaned', what, cure);
        }
        if (!tombstoneIdentifierKinds.includes(kind)) look.findings.problem('tombstone_token_kind', what);
      }
      if (look.isDeep) await reportSessionsOfErased(look, epochKeys, tenantId, tokens);
    }
  }
}

/**
 * A purge that the journal knows has a tombstone, unless the tombstone may have been dropped. It is dropped so long after
 * the verification, which comes after the journal row; so a row younger than that must have one. Tenants that this
 * database does not know, as after a restore, have none.
 */
async function checkPurged(look: Look, page: readonly JournalRow[]): Promise<void> {
  const oldest = look.now - look.engine.limits.tombstoneMs;
  const known = new Set<string | null>(look.tenants.map((tenant) => tenant.id));
  const purges = page.filter((row) => isPurge(row) && row.at >= oldest && known.has(row.tenantId));
  for (const [tenantId, rows] of byTenant(purges)) {
    const ids = rows.flatMap((row) => row.ownerId ?? []);
    const stones = new Set((await look.reads.tombstones.find(tenantId, ids)).map((stone) => stone.callId));
    const kept = new Set(look.isDeep ? (await look.reads.tombstones.tokensOf(ids)).map(textOf) : []);
    for (const row of rows) {
      const callId = row.ownerId ?? '';
      if (!stones.has(callId)) report(look, 'purge_without_tombstone', { ...row, tenantId }, callId);
      else if (look.isDeep && !hasItsTokens(row, callId, kept))
        report(look, 'tombstone_token_missing', { ...row, tenantId }, callId);
    }
  }
}

function report(
  look: Look,
  code: 'purge_without_tombstone' | 'tombstone_token_missing',
  row: { id: string; tenantId: string },
  callId: string,
): void {
  const cure = { code, kind: 'tombstone', tenantId: row.tenantId, callId, journalId: row.id } as const;
  look.findings.problem(code, `call ${callId}`, cure);
}

/** What the journal says that the tombstone keeps, it keeps: else a retried upload of the call would be taken. */
function hasItsTokens(row: JournalRow, callId: string, kept: ReadonlySet<string>): boolean {
  return fromErasedDetail(row.detail).tombstoneTokens.every((token) => kept.has(textOf({ ...token, callId })));
}

function textOf({ callId, kind, token }: Pick<TombstoneToken, 'callId' | 'kind' | 'token'>): string {
  return `${callId} ${kind} ${Buffer.from(token).toString('hex')}`;
}
