import { journalEntry } from '../../keys/journal-entries.ts';
import { isId, newId } from '../../lib/ids.ts';
import type { Artifact, Identifier } from '../../model/call.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { sealJson } from '../artifacts.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { coresOf, insertTokens } from '../identifiers.ts';
import { toHoldDetail } from '../journal-details.ts';
import type { Understood } from '../plans/subject.ts';
import { countHeld, coveredBy } from './covered-by.ts';

/** What a hold keeps from being erased. Identifiers are looked for anew at each erasure: later calls are held too. */
export type NewHold = {
  callIds: readonly string[];
  identifiers: readonly Identifier[];
  /** Only calls that started in this range, in ms; null is open. */
  from: number | null;
  to: number | null;
  reviewAt: number | null;
  reason: string;
  /** How the subject was named, to be shown while it holds; sealed with the reason. */
  subject?: HoldSubject;
};

/** What is sealed of a hold. `subject` is missing of one whose maker kept none. */
export type HoldReason = { reason: string; subject?: HoldSubject };
export type HoldSubject = readonly Pick<Understood, 'kind' | 'given' | 'understoodAs'>[];

/**
 * Places a legal hold. From its commit on no erasure shreds what it covers. The reason is sealed. One that names nobody holds
 * every call of its time range, which it then must have.
 */
export async function placeHold(
  engine: Engine,
  caller: Caller,
  hold: NewHold,
  keeper: AnswerKeeper = noKeeper,
): Promise<Hold> {
  requireScope(caller, 'holds:write');
  if (namesNobody(hold) && hold.from === null && hold.to === null) {
    throw new AppError('input_invalid', { message: 'A hold needs a subject' });
  }
  // They go into rows and journal as they are, where nothing may stand that is not an id of ours.
  if (!hold.callIds.every(isId)) throw new AppError('input_invalid', { message: 'A call id is not well-formed' });
  const { tenant } = caller;
  const cores = await coresOf(engine, tenant, hold.identifiers);
  if (hold.identifiers.length > 0 && cores.length === 0) {
    throw new AppError('input_invalid', { message: 'No identifier of the hold can be understood' });
  }
  const { row, reason } = await engine.issuer.withSlots(1, async (slots) => {
    return await insertHold(engine, caller, { ...hold, keeper }, cores, slots);
  });
  await engine.faults.at('hold:placed');
  // A restore places it again only from what the vault has.
  engine.sealer.request();
  const { subject } = hold;
  await sealReason(engine, row, reason, { reason: hold.reason, ...(subject && { subject }) });
  await keeper.seal(reason);
  return row;
}

function namesNobody({ callIds, identifiers }: Pick<NewHold, 'callIds' | 'identifiers'>): boolean {
  return callIds.length + identifiers.length === 0;
}

/** Puts the reason where it belongs, unless somebody who lists the holds has released this one already. */
async function sealReason(
  engine: Engine,
  { id, tenantId }: Hold,
  artifact: Artifact,
  reason: HoldReason,
): Promise<void> {
  try {
    const sealed = await sealJson(engine, artifact, reason);
    await engine.store.write(async (tx) => {
      await tx.holds.lock(tenantId, 'shared');
      if ((await tx.artifacts.find(id, 'hold-reason')) === undefined) return;
      await tx.artifacts.setSealed(artifact.slot, { sealed });
    });
  } catch (error) {
    if (!hasCode(error, 'key_destroyed')) throw error;
  }
}

/** The row of a hold's reason before anything is sealed in it. */
export function reasonRow(slot: number, tenantId: string, holdId: string): Artifact {
  return { slot, tenantId, ownerId: holdId, kind: 'hold-reason', sealed: null, blob: null, blobBytes: null };
}

async function insertHold(
  engine: Engine,
  caller: Caller,
  { keeper, ...hold }: NewHold & { keeper: AnswerKeeper },
  cores: Awaited<ReturnType<typeof coresOf>>,
  slots: readonly number[],
): Promise<{ row: Hold; reason: Artifact }> {
  const { tenant } = caller;
  const now = engine.clock.now();
  const { callIds, from, to, reviewAt } = hold;
  const times = { placedAt: now, releasedAt: null, reviewAt, from, to };
  const row: Hold = { id: newId(now), tenantId: tenant.id, ...times, holdsAll: namesNobody(hold) };
  const reason = reasonRow(slots[0] ?? 0, tenant.id, row.id);
  await engine.store.write(async (tx) => {
    await tx.holds.lock(tenant.id, 'alone');
    await tx.holds.insert(row, callIds);
    const tokens = await insertTokens(engine, tx, tenant, row.id, cores);
    await tx.artifacts.insert([reason]);
    const covered = await coveredBy(engine, tx, row);
    await tx.audit.append(
      auditEntry(engine, caller, 'hold.placed', row.id, { calls: await countHeld(tx, row, covered) }),
    );
    // For a replay after a restore. Tokens, not cores: they die with their epoch, which a journal line would outlive.
    const kept = await withoutFoundCandidates(tx, row, covered);
    const detail = toHoldDetail(row, kept, tokens, await tx.tokens.epochs(tenant.id));
    const what = { tenantId: tenant.id, ownerId: row.id, detail, slots: [] };
    await tx.keys.appendJournal([journalEntry('hold_placed', now, what)]);
    await keeper.keep(tx, { status: 201, subjectId: row.id });
    // After everything that may wait: whoever else names slots of this leaf waits from here to the commit.
    await engine.issuer.confirm(tx.keys, slots);
  });
  return { row, reason };
}

/**
 * What a replay is to name in place of the hold's tokens, should these be lost. A candidate that was only found by a number
 * is not among it: one that is named is held with all its calls, to whatever number.
 */
async function withoutFoundCandidates(tx: StoreTx, hold: Hold, covered: ReadonlySet<string>): Promise<string[]> {
  const named = new Set(await tx.holds.callsOf(hold.id));
  const found = [...covered].filter((id) => !named.has(id));
  const candidates = new Set((await tx.candidates.peek(hold.tenantId, found)).map(({ id }) => id));
  return [...covered].filter((id) => !candidates.has(id));
}
