import { decryptTokens } from '../../keys/token-cipher.ts';
import type { Call } from '../../model/call.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Epoch, StoredToken } from '../../model/token-store.ts';
import type { Engine } from '../context.ts';
import { queriesOf, underLivingEpochs } from '../identifiers.ts';

/** A `found by` page of a hold's owners. */
const pageSize = 1000;

/**
 * Which of these calls an active hold of the tenant covers, as seen by this transaction or read.
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
  const wanted = new Set(callIds);
  const calls = new Map((await on.calls.findMany(tenantId, callIds)).map((call) => [call.id, call]));
  for (const hold of holds) {
    for (const callId of await coveredBy(engine, on, hold)) {
      const call = calls.get(callId);
      if (wanted.has(callId) && call !== undefined && isInRange(call, hold)) held.add(callId);
    }
  }
  return held;
}

/** Ids of all calls that a hold names or finds, whatever its time range. */
export async function coveredBy(engine: Engine, on: StoreReads | StoreTx, hold: Hold): Promise<Set<string>> {
  return await underLivingEpochs(on, hold.tenantId, async (epochs) => {
    const covered = new Set(await on.holds.callsOf(hold.id));
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

function isInRange(call: Call, hold: Hold): boolean {
  const at = call.startedAt ?? call.createdAt;
  return (hold.from === null || at >= hold.from) && (hold.to === null || at <= hold.to);
}
