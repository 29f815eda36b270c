import { newId } from '../../lib/ids.ts';
import { type DoomedBlob, tombstoneIdentifierKinds } from '../../model/erasure.ts';
import type { TombstoneToken } from '../../model/erasure-store.ts';
import type { StoreTx } from '../../model/store.ts';
import type { StoredToken } from '../../model/token-store.ts';
import { artifactAt } from '../blob-rows.ts';
import type { Engine } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { fromErasedDetail } from '../journal-details.ts';
import type { CureOf } from './cures.ts';
import { isUnfinished } from './doomed.ts';
import { isPurge } from './journal-pages.ts';
import { type Repairs, repairOne } from './one-repair.ts';

/**
 * Removes an owner's tokens where the owner is neither a call nor a candidate nor an active hold and has no artifacts left by which it
 * could come back. Under which epoch they stand is not asked: an epoch without a row may have ended, or its row may have
 * been lost while its key lives, and the journal does not tell the two apart, since it knows epochs by id and tokens know
 * theirs by number.
 */
export async function repairTokens(on: Repairs, cure: CureOf<'tokens'>): Promise<void> {
  const { ownerId } = cure;
  await repairOne(on, cure.code, async (tx) => {
    const tokens = await standingTokens(tx, ownerId);
    const kept: StoredToken[] = [];
    for (const token of tokens) if (await leadsSomewhere(tx, token)) kept.push(token);
    if (kept.length === tokens.length) return undefined;
    await tx.tokens.deleteOfOwners([ownerId]);
    await tx.tokens.insertTokens(kept);
    const ids = { tokens: tokens.length - kept.length };
    return { what: `tokens of ${ownerId}`, tenantId: tokens[0]?.tenantId ?? null, subjectId: ownerId, ids };
  });
}

/** The tokens of an owner, none of which stands under another epoch before the transaction has ended. */
async function standingTokens(tx: StoreTx, ownerId: string): Promise<StoredToken[]> {
  const tenantIds = new Set((await tx.tokens.ofOwner(ownerId)).map((token) => token.tenantId));
  for (const tenantId of [...tenantIds].sort()) await tx.tokens.takeTurn(tenantId);
  return await tx.tokens.ofOwner(ownerId);
}

/** Removes the events of a call that was purged: what opened them is gone. Those of any other call may be wanted again. */
export async function repairEvents(on: Repairs, { code, tenantId, callId }: CureOf<'events'>): Promise<void> {
  await repairOne(on, code, async (tx) => {
    const isPurged = (await tx.tombstones.find(tenantId, [callId])).length > 0;
    const hasDetails = (await tx.artifacts.find(callId, 'details')) !== undefined;
    if (!isPurged || hasDetails) return undefined;
    const events = await tx.events.deleteOfCall(callId);
    return events === 0
      ? undefined
      : { what: `events of call ${callId}`, tenantId, subjectId: callId, ids: { events } };
  });
}

async function leadsSomewhere(tx: StoreTx, { tenantId, ownerId }: StoredToken): Promise<boolean> {
  if ((await tx.calls.find(tenantId, ownerId)) !== undefined) return true;
  if ((await tx.candidates.find(tenantId, ownerId)) !== undefined) return true;
  const hold = await tx.holds.find(tenantId, ownerId);
  if (hold?.releasedAt === null) return true;
  return (await tx.artifacts.ofOwner(ownerId)).some((artifact) => artifact.tenantId === tenantId);
}

/** Makes the tombstone of a purge again from the journal's entry, or gives it the tokens that it lacks. */
export async function repairTombstone(on: Repairs, cure: CureOf<'tombstone'>): Promise<void> {
  const { engine } = on;
  const { tenantId, callId, journalId } = cure;
  await repairOne(on, cure.code, async (tx) => {
    const [entry] = await tx.journal.find([journalId]);
    const isKnown = (await tx.tenants.find({ id: tenantId })) !== undefined;
    if (entry === undefined || !isKnown || !isPurge(entry)) return undefined;
    const call = await tx.calls.find(tenantId, callId);
    // A call that lives must not be told to have been erased. An upload that a purge has met keeps its row for a while.
    if (call !== undefined && !(call.uploadUntil !== null && call.isUploadDoomed)) return undefined;
    const isUnderWay = (await gatedByPurge(tx, [callId])).has(callId);
    // Whoever verified it is not known any more; nobody is under way, so it is gone from now on at the latest.
    const goneAt = isUnderWay ? null : engine.clock.now();
    const tokens = fromErasedDetail(entry.detail)
      .tombstoneTokens.filter(({ kind }) => tombstoneIdentifierKinds.includes(kind))
      .map((token): TombstoneToken => ({ ...token, tenantId, callId }));
    await tx.tombstones.insert([{ callId, tenantId, shreddedAt: entry.at, goneAt }], tokens);
    return { what: `call ${callId}`, tenantId, subjectId: callId, ids: { tokens: tokens.length } };
  });
}

/** When a tombstone was gone that only comes to be dropped at once. */
const longGone = 0;

/**
 * Removes the tokens of a tombstone that does not exist. They go with a tombstone long past its time that is put before
 * them and dropped in the same transaction: nobody ever sees it.
 */
export async function repairTombstoneTokens(on: Repairs, cure: CureOf<'tombstone-tokens'>): Promise<void> {
  const { tenantId, callId } = cure;
  await repairOne(on, cure.code, async (tx) => {
    const tokens = await tx.tombstones.tokensOf([callId]);
    const isMixed = tokens.some((token) => token.tenantId !== tenantId);
    if (tokens.length === 0 || isMixed || (await tx.tombstones.find(tenantId, [callId])).length > 0) return undefined;
    const stone = { callId, tenantId, shreddedAt: longGone, goneAt: longGone };
    await tx.tombstones.insert([stone], []);
    await tx.tombstones.dropGone(longGone + 1, 1);
    if ((await tx.tombstones.tokensOf([callId])).length > 0) return undefined;
    return { what: `tokens of call ${callId}`, tenantId, subjectId: callId, ids: { tokens: tokens.length } };
  });
}

/** Gives an erasure that runs and that nobody will go on with a job again. */
export async function repairErasure(on: Repairs, cure: CureOf<'erasure'>): Promise<void> {
  const { engine } = on;
  const { erasureId } = cure;
  await repairOne(on, cure.code, async (tx) => {
    const erasure = await tx.erasures.find(erasureId);
    if (erasure?.state !== 'running' || (await tx.jobs.unfinished('erasure', [erasureId])).has(erasureId)) {
      return undefined;
    }
    const now = engine.clock.now();
    await tx.jobs.enqueue({ id: newId(now), kind: 'erasure', payload: erasureId, runAt: now });
    return { what: `erasure ${erasureId}`, tenantId: erasure.tenantId, subjectId: erasureId };
  });
  engine.nudge();
}

/**
 * Of bytes that are to go and that nobody will remove: forgets that they are to go where an artifact names them, so
 * that what lives stays; else hands them over to whoever removes bytes without an erasure. True when they may go now.
 */
export async function repairDoomed(on: Repairs, cure: CureOf<'doomed'>): Promise<boolean> {
  const { blob } = cure;
  let mayGo = false;
  await repairOne(on, cure.code, async (tx) => {
    mayGo = false;
    const [doomed] = await tx.doomed.find([blob]);
    if (doomed === undefined) return undefined;
    const erasure = doomed.erasureId === null ? undefined : await tx.erasures.find(doomed.erasureId);
    const isNamed = (await artifactAt(tx, blob))?.blob === blob;
    const isHandledBy = doomed.erasureId === null || (erasure !== undefined && (await isUnfinished(tx, erasure)));
    if (!isNamed && isHandledBy) return undefined;
    await tx.doomed.delete([blob]);
    mayGo = !isNamed;
    if (mayGo) await tx.doomed.insert([unowned(on.engine, blob, doomed.ownerId)]);
    return { what: `blob ${blob}`, tenantId: erasure?.tenantId ?? null, subjectId: blob };
  });
  return mayGo;
}

/** Bytes that must go and that no erasure waits for. */
export function unowned(engine: Engine, blob: string, ownerId: string): DoomedBlob {
  return { blob, ownerId, erasureId: null, since: engine.clock.now() };
}
