import { nextTurn } from '../../lib/next-turn.ts';
import type { CallKind } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Retention } from '../../model/tenant.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { auditEntry } from '../audit/audit-entry.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { dayMs, inForce, keepsAsLong, spansOf, toComeOf } from './in-force.ts';

const hourMs = 3_600_000;
/** When a retention begins, where nobody says. */
const usualDelayMs = dayMs;
/** What would erase anything earlier than before begins no sooner, so that somebody can still take it back. */
const shortestDelayMs = hourMs;
/** A client's clock and the way here: what is to begin so long ago is to begin now. */
const justNowMs = 60_000;
/** A hundred years: whoever means later means never. */
const longestDelayMs = 36_500 * dayMs;
/** Calls counted at the most, and at a time. */
const countedMax = 100_000;
const pageSize = 5000;

/** For how long calls of a kind are to be kept. */
export type AskedRetention = {
  kind: CallKind;
  /** Null keeps them for ever. */
  days: number | null;
  /** In ms; null for a day from now. */
  effectiveAt: number | null;
  /** False leaves calls alone that have been archived already. */
  reachesExisting: boolean;
};

/** Existing calls that a retention reaches, counted no further than `countedUpTo`. */
export type Reaches = { calls: number; countedUpTo: number };

/**
 * Sets for how long calls of a kind are kept, in place of what was to come for that kind, and says when it begins.
 *
 * Throws `input_invalid` where it is to begin in the past, or less than an hour from now though it would erase calls earlier
 * than what is in force.
 */
export async function setRetention(
  engine: Engine,
  caller: Caller,
  asked: AskedRetention,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'admin');
  const tenantId = caller.tenant.id;
  const { kind } = asked;
  await engine.store.write(async (tx) => {
    const all = await takeRetentions(tx, tenantId, kind);
    const retention = toRetention(engine, caller, asked, all);
    const now = retention.setAt;
    for (const { effectiveAt } of toCome(all, kind, now)) await tx.retention.delete(tenantId, kind, effectiveAt);
    await tx.retention.set(retention);
    const { days, effectiveAt, reachesExisting } = retention;
    const daysBefore = inForce(all, kind, now)[0]?.days ?? null;
    const detail = { kind, days, daysBefore, effectiveAt, reachesExisting };
    await tx.audit.append(auditEntry(engine, caller, 'retention.set', null, detail));
    await keeper.keep(tx, { status: 200, subjectId: kind });
  });
}

/** What `setRetention` would set, checked in the same way; nothing is changed. */
export async function previewRetention(engine: Engine, caller: Caller, asked: AskedRetention): Promise<Retention> {
  requireScope(caller, 'admin');
  return toRetention(engine, caller, asked, await engine.store.reads.retention.ofTenant(caller.tenant.id));
}

/** Takes back what is to come for a kind. Throws `retention_not_found` where nothing is. */
export async function removeRetention(
  engine: Engine,
  caller: Caller,
  kind: CallKind,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'admin');
  const tenantId = caller.tenant.id;
  await engine.store.write(async (tx) => {
    const all = await takeRetentions(tx, tenantId, kind);
    const removed = toComeOf(all, kind, engine.clock.now());
    if (removed === undefined) throw new AppError('retention_not_found');
    const { effectiveAt, days } = removed;
    await tx.retention.delete(tenantId, kind, effectiveAt);
    await tx.audit.append(auditEntry(engine, caller, 'retention.removed', null, { kind, days, effectiveAt }));
    await keeper.keep(tx, { status: 204, subjectId: kind });
  });
}

/**
 * How many calls that are archived now a retention reaches when it begins, or, where it has begun, reaches now. Those under
 * hold count: a hold that is released by then keeps nothing. Undefined, where it was taken back, reaches none.
 */
export async function countReached(engine: Engine, retention: Retention | undefined): Promise<Reaches> {
  if (retention === undefined) return { calls: 0, countedUpTo: countedMax };
  const { tenantId, kind, effectiveAt } = retention;
  const now = Math.max(effectiveAt, engine.clock.now());
  const { before = null, ...created } = spansOf([retention], now)[0] ?? {};
  let calls = 0;
  if (before === null) return { calls, countedUpTo: countedMax };
  for (let after: { at: number; id: string } | undefined; calls < countedMax; ) {
    const limit = Math.min(pageSize, countedMax - calls);
    const page = await engine.store.reads.calls.outlived({
      tenantId,
      kind,
      before,
      ...created,
      now,
      limit,
      ...(after && { after }),
    });
    calls += page.length;
    const last = page.at(-1);
    if (last === undefined || page.length < limit) break;
    after = { at: last.startedAt ?? last.createdAt, id: last.id };
    await nextTurn();
  }
  return { calls, countedUpTo: countedMax };
}

/** Whoever changes or applies what is kept of a kind takes this first, and finds it as it stays until the end. */
export async function takeRetentions(tx: StoreTx, tenantId: string, kind: CallKind): Promise<Retention[]> {
  await tx.locks.take([{ tenantId, what: 'retention', digest: kind }], 'alone');
  return await tx.retention.ofTenant(tenantId);
}

function toCome(all: readonly Retention[], kind: CallKind, now: number): Retention[] {
  return all.filter((one) => one.kind === kind && one.effectiveAt > now);
}

/** Throws `input_invalid` for a time at which it may not begin. */
function toRetention(
  engine: Engine,
  { tenant }: Caller,
  { kind, days, effectiveAt: asked, reachesExisting }: AskedRetention,
  all: readonly Retention[],
): Retention {
  const now = engine.clock.now();
  const effectiveAt = asked ?? now + usualDelayMs;
  if (keepsAsLong(days, inForce(all, kind, now))) {
    if (effectiveAt < now - justNowMs) throw invalidTime('must not lie in the past');
  } else if (effectiveAt < now + shortestDelayMs) {
    throw invalidTime('must be at least an hour from now: what is shorter than before can be taken back until then');
  }
  if (effectiveAt > now + longestDelayMs) throw invalidTime('must be at most a hundred years from now');
  const begins = Math.max(effectiveAt, now);
  return { tenantId: tenant.id, kind, days, effectiveAt: begins, setAt: now, reachesExisting };
}

function invalidTime(what: string): AppError {
  return new AppError('input_invalid', { message: `effectiveAt ${what}` });
}
