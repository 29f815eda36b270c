import { steadyMs } from '../../lib/clock.ts';
import { isId } from '../../lib/ids.ts';
import { pause } from '../../lib/pause.ts';
import { type Call, isLive } from '../../model/call.ts';
import { type ErasureAction, isShredded } from '../../model/erasure.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import { visibleCall } from '../calls/visible-call.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { eraseNow, type Started } from './erase-now.ts';
import type { StillSo } from './plan.ts';
import { untilShredded } from './started.ts';

/** Attempts at an erasure whose calls come and go while it is being planned. */
const attemptsMax = 20;
/** How often an erasure that somebody else runs is looked at. */
const pollMs = 20;

type Waiting = {
  /** How long to wait for the keys to be destroyed; `erasure_running` after that, while the erasure goes on. */
  waitMs: number;
};

type Keeping = {
  /** The audio stays, and so does what it says: the call is pseudonymised, not anonymous. */
  keepRecording: boolean;
};

/**
 * Erases what names or describes people in a call. When it resolves the keys are destroyed. A repeat changes nothing, and
 * one that does not keep the recording takes what an earlier one has kept.
 *
 * Throws `call_not_found` for a call that is unknown, another tenant's, purged or still coming, `call_live` for one that is
 * not over, `item_held` for one under hold: nothing is changed then.
 */
export async function depersonalizeCall(
  engine: Engine,
  caller: Caller,
  callId: string,
  { keepRecording, waitMs }: Keeping & Waiting,
): Promise<void> {
  const what: What = { action: 'depersonalize', keepRecording };
  await carryOut(engine, caller, what, waitMs, async (on) => await lookAtCall(on, caller, callId, what));
}

/** Erases the recording of a call, and refuses one that comes later. Like `depersonalizeCall` in all else. */
export async function deleteRecording(
  engine: Engine,
  caller: Caller,
  callId: string,
  { waitMs }: Waiting,
): Promise<void> {
  const what: What = { action: 'delete-recording', keepRecording: false };
  await carryOut(engine, caller, what, waitMs, async (on) => await lookAtCall(on, caller, callId, what));
}

/**
 * Depersonalizes a candidate with every call it has, in one erasure: its pending attempts are off, and nothing can be added
 * to it any more. One call that is live or held refuses the whole, with nothing changed. Throws `candidate_not_found`, and
 * what `depersonalizeCall` throws.
 */
export async function depersonalizeCandidate(
  engine: Engine,
  caller: Caller,
  candidateId: string,
  { keepRecording, waitMs }: Keeping & Waiting,
): Promise<void> {
  const what: What = { action: 'depersonalize', keepRecording, candidateId };
  await carryOut(engine, caller, what, waitMs, async (on) => await lookAtCandidate(on, caller, candidateId, what));
}

type What = Keeping & { action: ErasureAction; candidateId?: string };

type Left = {
  /** What is left to be erased. */
  ids: readonly string[];
  /** False where no erasure that has begun reaches any of it. */
  mayBeUnderWay: boolean;
  /** Whether the rows that this was read from are still the same, where they may change. */
  isStillSo?: StillSo;
};

/** Throws where the erasure is refused. */
type Look = (on: StoreReads | StoreTx) => Promise<Left>;

async function carryOut(engine: Engine, caller: Caller, what: What, waitMs: number, look: Look): Promise<void> {
  requireScope(caller, 'erasures:execute');
  const deadline = steadyMs() + waitMs;
  for (let attempt = 1; ; attempt += 1) {
    const { ids, mayBeUnderWay, isStillSo } = await look(engine.store.reads);
    // Erased before: marks are set by the commit that destroys the keys.
    if (ids.length === 0) return;
    // A client that heard nothing asks again: one erasure of the same is enough, and the next look shows what it left.
    const mayWait = mayBeUnderWay && attempt < attemptsMax;
    if (mayWait && (await untilOthersHave(engine, what, ids, deadline))) continue;
    try {
      const asked = { ...what, callIds: ids, ...(isStillSo && { isStillSo }) };
      await expectShredded(engine, await eraseNow(engine, caller, asked), deadline);
      return;
    } catch (error) {
      if (!hasCode(error, 'plan_changed') || attempt === attemptsMax) throw error;
    }
  }
}

async function lookAtCall(on: StoreReads | StoreTx, { tenant }: Caller, callId: string, what: What): Promise<Left> {
  const visible = await visibleCall(on, tenant.id, callId);
  if (visible === undefined) throw new AppError('call_not_found');
  const { call, gated } = visible;
  // What is over stays over, and whatever else erases the call meanwhile takes no less of it.
  if (isLive(call)) throw new AppError('call_live');
  return { ids: isDone(call, what) ? [] : [callId], mayBeUnderWay: gated.size > 0 };
}

async function lookAtCandidate(
  on: StoreReads | StoreTx,
  { tenant }: Caller,
  candidateId: string,
  what: What,
): Promise<Left> {
  const candidate = isId(candidateId) ? await on.candidates.find(tenant.id, candidateId) : undefined;
  // Of one that is still being added nobody was told the id.
  if (candidate === undefined || candidate.status === 'ADDING') throw new AppError('candidate_not_found');
  const callIds = await on.calls.idsOfCandidate(tenant.id, candidateId);
  // Those that are still coming and those that a purge has not shredded yet are among them: their keys are alive.
  const calls = await on.calls.findMany(tenant.id, callIds);
  if (calls.some(isLive)) throw new AppError('call_live');
  const left = calls.filter((call) => !call.isUploadDoomed && !isDone(call, what)).map((call) => call.id);
  const isStillSo = async (tx: StoreTx) => {
    // Whoever adds a call to the candidate has committed by the next look, or finds the erasure begun.
    await tx.candidates.lock([candidateId]);
    const since = await tx.candidates.find(tenant.id, candidateId);
    if (since?.depersonalizedAt !== candidate.depersonalizedAt) return false;
    const now = await tx.calls.idsOfCandidate(tenant.id, candidateId);
    return now.length === callIds.length && now.every((id, i) => id === callIds[i]);
  };
  // With its calls always: it stands for all of them where one is held.
  const ids = candidate.depersonalizedAt !== null && left.length === 0 ? [] : [candidateId, ...left];
  return { ids, mayBeUnderWay: true, isStillSo };
}

function isDone(call: Call, { action, keepRecording }: What): boolean {
  const isRecordingDone = call.recordingErasedAt !== null;
  if (action === 'delete-recording') return isRecordingDone;
  return call.depersonalizedAt !== null && (keepRecording || isRecordingDone);
}

/**
 * Waits for an erasure under way that does the same to all of these. False where there is none. Throws `erasure_running`
 * where it has not destroyed its keys in time.
 */
async function untilOthersHave(
  engine: Engine,
  { action, keepRecording }: What,
  ids: readonly string[],
  deadline: number,
): Promise<boolean> {
  const { erasures } = engine.store.reads;
  const covered = new Map<string, number>();
  for (const gate of await erasures.gatesOf(ids)) {
    if (gate.action !== action || gate.keepRecording !== keepRecording) continue;
    covered.set(gate.erasureId, (covered.get(gate.erasureId) ?? 0) + 1);
  }
  const [same] = [...covered].find(([, count]) => count === ids.length) ?? [];
  if (same === undefined) return false;
  for (;;) {
    const erasure = await erasures.find(same);
    if (erasure?.state !== 'running' || erasure.shreddedAt !== null) return true;
    if (steadyMs() >= deadline) throw new AppError('erasure_running');
    await pause(pollMs);
  }
}

/** Nothing but destroyed keys passes here. */
async function expectShredded(engine: Engine, started: Started | undefined, deadline: number): Promise<void> {
  if (started === undefined) throw new AppError('item_held');
  const how = await untilShredded(started, Math.max(0, deadline - steadyMs()));
  if (how === undefined) throw new AppError('erasure_running');
  if (how.areAll) return;
  const options = { fromSeq: 0, limit: Number.MAX_SAFE_INTEGER, states: ['planned', 'held', 'failed'] } as const;
  const left = await engine.store.reads.erasures.items(started.erasure.id, options);
  if (left.some((item) => item.state === 'held')) throw new AppError('item_held');
  if (left.some((item) => item.state === 'planned')) throw new AppError('erasure_running');
  if (!left.every(isShredded)) throw new AppError('damage', { detail: 'a key page cannot be opened' });
}
