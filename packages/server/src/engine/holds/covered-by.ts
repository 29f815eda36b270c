import { blocksOf, decryptTokens, encryptCores } from '../../keys/token-cipher.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Epoch, StoredToken, TokenQuery } from '../../model/token-store.ts';
import type { Engine } from '../context.ts';
import { underLivingEpochs } from '../identifiers.ts';
import { isInRange } from './held-calls.ts';

/** Calls read at a time. */
const batch = 1000;
/** Calls of a time that are counted: more are not told apart. */
const countedMax = 10_000;

/**
 * Ids of all calls and candidates that a hold names or finds, whatever its time range; the calls of a named candidate too. None
 * for one that names nobody and holds all. What this takes grows with what the hold covers: it is asked once, when one is placed.
 */
export async function coveredBy(engine: Engine, on: StoreReads | StoreTx, hold: Hold): Promise<Set<string>> {
  return await underLivingEpochs(on, hold.tenantId, async (epochs) => {
    const named = await on.holds.callsOf(hold.id);
    const covered = new Set(named);
    for (const { id } of await on.candidates.peek(hold.tenantId, named)) {
      for (const callId of await on.calls.idsOfCandidate(hold.tenantId, id)) covered.add(callId);
    }
    const tokens = await on.tokens.ofOwner(hold.id);
    for (const kind of new Set(tokens.map((token) => token.kind))) {
      const mine = tokens.filter((token) => token.kind === kind);
      const queries = await queriesFor(engine, epochs, mine);
      for (const { ownerId } of await on.tokens.ownersOf(hold.tenantId, kind, queries)) covered.add(ownerId);
    }
    // Holds carry tokens, too, which is what they look by.
    for (const { id } of await on.holds.active(hold.tenantId)) covered.delete(id);
    return covered;
  });
}

/** A hold's tokens as others may carry them, under any living epoch. */
async function queriesFor(
  engine: Engine,
  epochs: readonly Epoch[],
  tokens: readonly StoredToken[],
): Promise<TokenQuery[]> {
  const queries: TokenQuery[] = [];
  for (const number of new Set(tokens.map((token) => token.epoch))) {
    const own = epochs.find((one) => one.number === number);
    // Either it began since the list was read, and all is looked up again, or it is lost.
    if (own === undefined)
      throw new AppError('damage', { detail: `the epoch of hold ${tokens[0]?.ownerId} is missing` });
    const row = Buffer.concat(tokens.filter((token) => token.epoch === number).map(({ token }) => token));
    const ownKey = await engine.secrets.epochKey(own);
    const cores = decryptTokens(ownKey, row);
    for (const epoch of epochs) {
      const key = await engine.secrets.epochKey(epoch);
      for (const token of blocksOf(encryptCores(key, cores))) queries.push({ epoch: epoch.number, token });
      key.fill(0);
    }
    for (const secret of [ownKey, cores]) secret.fill(0);
  }
  return queries;
}

/** How many calls a hold keeps as it is placed; of one that holds all, counted no further than 10,000. */
export async function countHeld(on: StoreReads | StoreTx, hold: Hold, covered: ReadonlySet<string>): Promise<number> {
  const { tenantId, from, to } = hold;
  if (hold.holdsAll) {
    const range = { ...(from !== null && { from }), ...(to !== null && { to: to + 1 }) };
    return (await on.calls.list(tenantId, { limit: countedMax, ...range })).length;
  }
  let held = 0;
  const ids = [...covered];
  for (let at = 0; at < ids.length; at += batch) {
    const calls = await on.calls.peek(tenantId, ids.slice(at, at + batch));
    held += calls.filter((call) => isInRange(call, hold)).length;
  }
  return held;
}
