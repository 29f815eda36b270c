import { journalEntry } from '../../keys/journal-entries.ts';
import type { Artifact, MetadataEvent } from '../../model/call.ts';
import { AppError, codeOf } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { KeptAnswer } from '../../model/tenant.ts';
import type { AnswerKeeper } from '../answers/once.ts';
import { putResealed, resealAnswers } from '../answers/reseal-answers.ts';
import { sealJson } from '../artifacts.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Caller, Engine } from '../context.ts';
import { resealEvents } from '../events/reseal-events.ts';
import { heldAmong } from '../holds/held-calls.ts';
import { type ChangedPart, type Draft, openForChange } from './change-draft.ts';
import { endLateArtifact, nameLateArtifacts, settleLateArtifacts } from './late-artifacts.ts';
import type { ChangingRow } from './row-change.ts';

/** A part that has been sealed. `artifact` names the slot: that of what is there, or a new one. */
type SealedPart = ChangedPart & { artifact: Artifact; sealed: Buffer };

/** What else is sealed under the slot of a call's details, under that of others that take their place. */
type Beside = { events: readonly MetadataEvent[]; answers: readonly KeptAnswer[] };

/** All that one transaction writes. `beside` is undefined where the details keep their slot. */
type Sealed = { parts: readonly SealedPart[]; beside: Beside | undefined };

/**
 * Carries a draft out. What only adds is sealed anew under the slot that is there; what has none yet, or would lose
 * something, under a slot of its own, whose row is committed first and destroyed again where it comes to nothing. The slot
 * of what was lost is destroyed in the commit that makes the change.
 *
 * Throws `plan_changed`, `key_destroyed` or `upload_cut`, with nothing changed, when the draft was overtaken; and what
 * `openForChange` throws, or `item_held`.
 */
export async function carryOut(engine: Engine, caller: Caller, draft: Draft, keeper: AnswerKeeper): Promise<void> {
  const { call, parts } = draft;
  const of = { tenantId: call.tenantId, callId: call.id };
  const fresh = parts.filter(({ before, isLossy }) => before === undefined || isLossy).map(({ kind }) => kind);
  const named = await nameLateArtifacts(engine, of, fresh, async (tx) => await refuse(engine, tx, draft));
  try {
    await engine.faults.at('change:named');
    const sealed = await seal(engine, draft, named);
    await engine.faults.at('change:sealed');
    await commit(engine, caller, draft, { sealed, named, keeper });
    await engine.faults.at('change:committed');
  } catch (error) {
    for (const { slot } of named) {
      // What will not go now is found by the sweep.
      await endLateArtifact(engine, { ...of, slot }).catch((failure: unknown) => {
        engine.log.warn('call_change.left', { callId: call.id, code: codeOf(failure) });
      });
    }
    throw error;
  } finally {
    // Also where nobody knows whether the commit has happened.
    if (parts.some((part) => part.isLossy)) engine.sealer.request();
  }
}

/** Before anything is written, in each transaction: what an erasure has taken, or a hold keeps as it is. */
async function refuse(engine: Engine, tx: StoreTx, { call, parts }: Draft): Promise<void> {
  if (parts.some((part) => part.isLossy)) {
    await tx.holds.lock(call.tenantId, 'shared');
    if ((await heldAmong(engine, tx, call.tenantId, [call.id])).has(call.id)) throw new AppError('item_held');
  }
  const kinds = parts.map((part) => part.kind);
  const now = await openForChange(tx, call.tenantId, call.id, kinds);
  if (!isSameRow(call, now)) throw new AppError('plan_changed');
}

function isSameRow(a: ChangingRow, b: ChangingRow): boolean {
  return (
    a.startedAt === b.startedAt &&
    a.endedAt === b.endedAt &&
    a.durationMs === b.durationMs &&
    a.dialStatus === b.dialStatus &&
    a.retainUntil === b.retainUntil
  );
}

async function seal(engine: Engine, { parts }: Draft, named: readonly Artifact[]): Promise<Sealed> {
  const sealed: SealedPart[] = [];
  let beside: Beside | undefined;
  for (const part of parts) {
    const artifact = named.find(({ kind }) => kind === part.kind) ?? part.before;
    if (artifact === undefined) throw new AppError('internal', { detail: `no slot was named for ${part.kind}` });
    sealed.push({ ...part, artifact, sealed: await sealJson(engine, artifact, part.content) });
    if (part.kind === 'details' && part.before !== undefined && part.isLossy) {
      const events = await resealEvents(engine, part.before, artifact);
      beside = { events, answers: await resealAnswers(engine, part.before, artifact) };
    }
  }
  return { parts: sealed, beside };
}

async function commit(
  engine: Engine,
  caller: Caller,
  draft: Draft,
  { sealed, named, keeper }: { sealed: Sealed; named: readonly Artifact[]; keeper: AnswerKeeper },
): Promise<void> {
  const { id: callId, tenantId } = draft.call;
  await engine.store.write(async (tx) => {
    await refuse(engine, tx, draft);
    await refuseOvertaken(tx, callId, sealed);
    const slotsOfNamed = named.map(({ slot }) => slot);
    await settleLateArtifacts(tx, slotsOfNamed);
    for (const { artifact, sealed: bytes } of sealed.parts) {
      await tx.artifacts.setSealed(artifact.slot, { sealed: bytes });
    }
    const lost = sealed.parts.flatMap(({ before, isLossy }) => (before !== undefined && isLossy ? [before.slot] : []));
    await tx.artifacts.deleteSlots(lost);
    if (sealed.beside !== undefined) await putBeside(tx, callId, sealed.beside);
    const now = engine.clock.now();
    await tx.calls.update(callId, { ...draft.row, updatedAt: now });
    const changes = { artifacts: sealed.parts.length, replaced: lost.length };
    await tx.audit.append(auditEntry(engine, caller, 'call.changed', callId, changes));
    await keeper.keep(tx, { status: 200, subjectId: callId });
    if (lost.length === 0) return;
    const slots = await engine.tree.destroy(tx.keys, lost);
    await tx.keys.appendJournal([journalEntry('slots_replaced', now, { tenantId, ownerId: callId, slots })]);
  });
}

/** Throws `plan_changed` where an event or an answer has come meanwhile: it would be left without a key. */
async function putBeside(tx: StoreTx, callId: string, { events, answers }: Beside): Promise<void> {
  const ids = (list: readonly MetadataEvent[]) => list.map((event) => event.id).join();
  if (ids(await tx.events.ofCall(callId)) !== ids(events)) throw new AppError('plan_changed');
  await tx.events.deleteOfCall(callId);
  await tx.events.insert(events);
  if (!(await putResealed(tx, callId, answers))) throw new AppError('plan_changed');
}

/** Throws `plan_changed` unless the sealings are those that were there when the draft was made. */
async function refuseOvertaken(tx: StoreTx, callId: string, { parts }: Sealed): Promise<void> {
  const now = (await tx.artifacts.ofOwner(callId)).filter((artifact) => artifact.sealed !== null);
  for (const { kind, before } of parts) {
    if (
      !isSameSealing(
        before,
        now.find((artifact) => artifact.kind === kind),
      )
    )
      throw new AppError('plan_changed');
  }
}

function isSameSealing(a: Artifact | undefined, b: Artifact | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.slot === b.slot && Buffer.compare(a.sealed ?? Buffer.alloc(0), b.sealed ?? Buffer.alloc(0)) === 0;
}
