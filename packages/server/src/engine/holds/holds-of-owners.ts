import { blocksOf, decryptTokens, encryptCores } from '../../keys/token-cipher.ts';
import type { Call } from '../../model/call.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Epoch, StoredToken } from '../../model/token-store.ts';
import type { Engine } from '../context.ts';
import { underLivingEpochs } from '../identifiers.ts';

type Owners = { calls: readonly Call[]; candidateIds: readonly string[] };

/**
 * Tells which of these holds cover a call or a candidate among those asked about, whatever their time ranges: those that
 * name it, or its candidate; those that carry an identifier of its own; those that hold all.
 *
 * What this takes grows with what is asked about and with what the holds name, never with what they cover.
 */
export async function holdsOfOwners(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  holds: readonly Hold[],
  owners: Owners,
): Promise<(id: string) => Hold[]> {
  const covering = new Map<string, Set<string>>();
  const note = (id: string, holdId: string) => {
    const known = covering.get(id);
    if (known) known.add(holdId);
    else covering.set(id, new Set([holdId]));
  };
  await noteNamed(on, tenantId, owners, note);
  await noteFound(engine, on, tenantId, { holds, owners }, note);
  return (id) => holds.filter((hold) => hold.holdsAll || covering.get(id)?.has(hold.id));
}

type Note = (id: string, holdId: string) => void;

async function noteNamed(on: StoreReads | StoreTx, tenantId: string, owners: Owners, note: Note): Promise<void> {
  const { calls, candidateIds } = owners;
  const ofCalls = calls.flatMap(({ candidateId }) => (candidateId === null ? [] : [candidateId]));
  const ids = new Set([...calls.map(({ id }) => id), ...candidateIds, ...ofCalls]);
  const named = await on.holds.naming(tenantId, [...ids]);
  for (const { callId, holdId } of named) note(callId, holdId);
  if (named.length === 0 || ofCalls.length === 0) return;
  const namedIds = new Set(named.map(({ callId }) => callId));
  const candidates = await on.candidates.peek(
    tenantId,
    [...new Set(ofCalls)].filter((id) => namedIds.has(id)),
  );
  for (const candidate of candidates) {
    const mine = calls.filter(({ candidateId }) => candidateId === candidate.id);
    for (const { callId, holdId } of named) {
      if (callId === candidate.id) for (const { id } of mine) note(id, holdId);
    }
  }
}

/**
 * A hold's tokens and a call's may stand under different epochs while one turns: they are compared as they would stand under
 * the newest.
 */
async function noteFound(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenantId: string,
  { holds, owners }: { holds: readonly Hold[]; owners: Owners },
  note: Note,
): Promise<void> {
  const holdIds = holds.filter(({ holdsAll }) => !holdsAll).map(({ id }) => id);
  const ownerIds = [...owners.calls.map(({ id }) => id), ...owners.candidateIds];
  await underLivingEpochs(on, tenantId, async (epochs) => {
    const asking = await on.tokens.ofOwners(holdIds, 'all');
    if (asking.length === 0) return;
    // One that cannot be read must never look like a hold that covers nothing. Either it moved to an epoch that began since
    // the list was read, and all is looked up again, or its epoch is lost.
    const lost = asking.find(({ epoch }) => !epochs.some(({ number }) => number === epoch));
    if (lost !== undefined) throw new AppError('damage', { detail: `the epoch of hold ${lost.ownerId} is missing` });
    const holdsBy = new Map<string, string[]>();
    for (const { key, ownerId } of await comparable(engine, epochs, asking)) {
      holdsBy.set(key, [...(holdsBy.get(key) ?? []), ownerId]);
    }
    const kinds = [...new Set(asking.map(({ kind }) => kind))];
    const carried = await on.tokens.ofOwners(ownerIds, kinds);
    for (const { key, ownerId } of await comparable(engine, epochs, carried)) {
      for (const holdId of holdsBy.get(key) ?? []) note(ownerId, holdId);
    }
  });
}

/** Tokens as they would stand under the newest epoch, by which any two can be compared; those of no living epoch left out. */
async function comparable(
  engine: Engine,
  epochs: readonly Epoch[],
  tokens: readonly StoredToken[],
): Promise<{ key: string; ownerId: string }[]> {
  const newest = epochs.at(-1);
  const all: { key: string; ownerId: string }[] = [];
  for (const epoch of epochs) {
    const mine = tokens.filter((token) => token.epoch === epoch.number);
    const blocks = mine.map(({ token }) => Buffer.from(token));
    const moved = epoch === newest || newest === undefined ? blocks : await under(engine, epoch, newest, blocks);
    for (const [i, { kind, ownerId }] of mine.entries()) {
      all.push({ key: `${kind} ${moved[i]?.toString('latin1')}`, ownerId });
    }
  }
  return all;
}

/** Tokens of one epoch as those of another. */
async function under(engine: Engine, from: Epoch, to: Epoch, tokens: readonly Buffer[]): Promise<Buffer[]> {
  if (tokens.length === 0) return [];
  const [fromKey, toKey] = [await engine.secrets.epochKey(from), await engine.secrets.epochKey(to)];
  const cores = decryptTokens(fromKey, Buffer.concat(tokens));
  const moved = blocksOf(encryptCores(toKey, cores));
  for (const secret of [fromKey, toKey, cores]) secret.fill(0);
  return moved;
}
