import { decryptTokens } from '../../keys/token-cipher.ts';
import type { Call } from '../../model/call.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Epoch, StoredToken } from '../../model/token-store.ts';
import type { Engine } from '../context.ts';
import { carriers, eventKinds } from '../events/awaited.ts';
import { coresOfOwner, queriesOf, underLivingEpochs } from '../identifiers.ts';

/** A `found by` page of a hold's owners. */
const pageSize = 1000;

/**
 * Which of these calls and candidates an active hold of the tenant covers, as seen by this transaction or read; a transaction
 * that decides by it has the tenant's holds locked. An awaited
 * call is held with the call that is on its way to take it, a candidate with any of its calls, and a call with its
 * candidate where a hold names that one.
 *
 * A hold's tokens and a call's may stand under different epochs while one turns, so the hold's cores are looked for
 * under every living epoch.
 */
export async function heldAmong(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  callIds: readonly string[],
): Promise<Set<string>> {
  const held = new Set<string>();
  const holds = await on.holds.active(tenantId);
  if (holds.length === 0 || callIds.length === 0) return held;
  const calls = new Map((await on.calls.peek(tenantId, callIds)).map((call) => [call.id, call]));
  const candidates = calls.size === callIds.length ? [] : await on.candidates.peek(tenantId, callIds);
  // With each id, the calls that it is held with.
  const others = await takersOf(engine, on, tenantId, [...calls.values()]);
  for (const { id } of candidates) {
    others.set(id, await on.calls.peek(tenantId, await on.calls.idsOfCandidate(tenantId, id)));
  }
  for (const other of [...others.values()].flat()) calls.set(other.id, other);
  for (const hold of holds) {
    const covered = await coveredBy(engine, on, hold);
    for (const call of calls.values()) {
      if (covered.has(call.id) && isInRange(call, hold)) held.add(call.id);
    }
    // A hold of some time holds what took place then: calls.
    const isOfAllTime = hold.from === null && hold.to === null;
    for (const { id } of candidates) if (isOfAllTime && covered.has(id)) held.add(id);
  }
  return new Set(callIds.filter((id) => held.has(id) || others.get(id)?.some((other) => held.has(other.id))));
}

/** Of awaited calls, by id: those on their way that carry the same identifier. */
async function takersOf(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  calls: readonly Call[],
): Promise<Map<string, Call[]>> {
  const takers = new Map<string, Call[]>();
  for (const { id } of calls.filter((call) => call.status === 'awaited')) {
    const mine: Call[] = [];
    for (const kind of eventKinds) {
      const cores = await coresOfOwner(engine, on, tenantId, id, kind);
      const others = cores.cores.length === 0 ? [] : await carriers(engine, on, tenantId, cores);
      mine.push(...others.filter((call) => call.status !== 'awaited'));
    }
    takers.set(id, mine);
  }
  return takers;
}

/** Ids of all calls and candidates that a hold names or finds, whatever its time range; the calls of a named candidate too. */
export async function coveredBy(engine: Engine, on: StoreReads | StoreTx, hold: Hold): Promise<Set<string>> {
  return await underLivingEpochs(on, hold.tenantId, async (epochs) => {
    const named = await on.holds.callsOf(hold.id);
    const covered = new Set(named);
    for (const { id } of await on.candidates.peek(hold.tenantId, named)) {
      for (const callId of await on.calls.idsOfCandidate(hold.tenantId, id)) covered.add(callId);
    }
    for (const token of await on.tokens.ofOwner(hold.id)) {
      const queries = await queriesOf(engine, epochs, await coreOf(engine, epochs, token));
      for (let after = ''; ; ) {
        const owners = await on.tokens.owners(hold.tenantId, token.kind, queries, after, pageSize);
        for (const owner of owners) covered.add(owner);
        const last = owners.at(-1);
        if (last === undefined || owners.length < pageSize) break;
        after = last;
      }
    }
    // Its own tokens are what it looks by.
    covered.delete(hold.id);
    return covered;
  });
}

/** What a hold's token stands for. One that cannot be read must never look like a hold that covers nothing. */
async function coreOf(engine: Engine, epochs: readonly Epoch[], token: StoredToken): Promise<Buffer> {
  const epoch = epochs.find((one) => one.number === token.epoch);
  // Either it moved to an epoch that began since the list was read, and all is looked up again, or its epoch is lost.
  if (epoch === undefined) throw new AppError('damage', { detail: `the epoch of hold ${token.ownerId} is missing` });
  const key = await engine.secrets.epochKey(epoch);
  const core = decryptTokens(key, token.token);
  key.fill(0);
  return core;
}

/** When an awaited call took place nobody knows: it is in every range. */
function isInRange(call: Call, hold: Hold): boolean {
  if (call.status === 'awaited') return true;
  const at = call.startedAt ?? call.createdAt;
  return (hold.from === null || at >= hold.from) && (hold.to === null || at <= hold.to);
}
