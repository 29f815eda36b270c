/** What `heldAmong` must answer, found the long way: everything that each hold covers, written out. */

import type { Engine } from '../../src/engine/context.ts';
import { carriers, eventKinds } from '../../src/engine/events/awaited.ts';
import { coresOfOwner, findByCores } from '../../src/engine/identifiers.ts';
import { decryptTokens } from '../../src/keys/token-cipher.ts';
import type { Call } from '../../src/model/call.ts';
import type { Hold } from '../../src/model/erasure.ts';

const most = 10_000;

export async function heldByEnumerating(
  engine: Engine,
  tenantId: string,
  ids: readonly string[],
): Promise<Set<string>> {
  const { reads } = engine.store;
  const calls = new Map((await reads.calls.peek(tenantId, ids)).map((call) => [call.id, call]));
  const candidates = await reads.candidates.peek(tenantId, ids);
  const heldWith = new Map<string, Call[]>();
  for (const call of calls.values()) if (call.status === 'awaited') heldWith.set(call.id, await takersOf(engine, call));
  for (const { id } of candidates) {
    heldWith.set(id, await reads.calls.peek(tenantId, await reads.calls.idsOfCandidate(tenantId, id)));
  }
  for (const other of [...heldWith.values()].flat()) calls.set(other.id, other);
  const held = new Set<string>();
  for (const hold of await reads.holds.active(tenantId)) {
    const covered = await allCovered(engine, hold);
    for (const call of calls.values())
      if ((hold.holdsAll || covered.has(call.id)) && isThen(call, hold)) held.add(call.id);
    for (const { id } of candidates) if (hold.from === null && hold.to === null && covered.has(id)) held.add(id);
  }
  return new Set(ids.filter((id) => held.has(id) || heldWith.get(id)?.some((other) => held.has(other.id))));
}

async function allCovered(engine: Engine, hold: Hold): Promise<Set<string>> {
  const { reads } = engine.store;
  const named = await reads.holds.callsOf(hold.id);
  const covered = new Set(named);
  for (const { id } of await reads.candidates.peek(hold.tenantId, named)) {
    for (const callId of await reads.calls.idsOfCandidate(hold.tenantId, id)) covered.add(callId);
  }
  const epochs = await reads.tokens.epochs(hold.tenantId);
  for (const { kind, token, epoch } of await reads.tokens.ofOwner(hold.id)) {
    const own = epochs.find(({ number }) => number === epoch);
    if (own === undefined) throw new Error('the epoch of a hold is missing');
    const cores = [decryptTokens(await engine.secrets.epochKey(own), token)];
    const page = { afterId: '', limit: most };
    for (const id of await findByCores(engine, reads, hold.tenantId, { kind, cores }, page)) covered.add(id);
  }
  return covered;
}

async function takersOf(engine: Engine, { id, tenantId }: Call): Promise<Call[]> {
  const takers: Call[] = [];
  for (const kind of eventKinds) {
    const cores = await coresOfOwner(engine, engine.store.reads, tenantId, id, kind);
    if (cores.cores.length > 0) takers.push(...(await carriers(engine, engine.store.reads, tenantId, cores)));
  }
  return takers.filter(({ status }) => status !== 'awaited');
}

function isThen({ status, startedAt, createdAt }: Call, { from, to }: Hold): boolean {
  const at = startedAt ?? createdAt;
  return status === 'awaited' || ((from === null || at >= from) && (to === null || at <= to));
}
