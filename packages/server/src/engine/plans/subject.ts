import { blocksOf, encryptCores, tokenCore } from '../../keys/token-cipher.ts';
import { isId } from '../../lib/ids.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { ErasureAction } from '../../model/erasure.ts';
import { emailValue, phoneValues, understandPhone } from '../../model/phone.ts';
import type { StoreReads, StoreTx } from '../../model/store.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { IdentifierKind } from '../../model/token-store.ts';
import type { Engine } from '../context.ts';
import { underLivingEpochs } from '../identifiers.ts';

/** What an erasure's or a hold's subject is named by. */
export const subjectKinds = ['call', 'session', 'external', 'phone', 'email', 'candidate'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/** One identifier as somebody gave it. Personal. Without a kind it is a line of a file that is none. */
export type Named = { given: string; kind: SubjectKind | null };

/** And how it was understood; null where nothing could be. */
export type Understood = Named & { understoodAs: string | null };

/** What a subject reaches. */
export type Found = {
  /** Calls and candidates, tombstones of either among them; each once, ascending. */
  ids: string[];
  candidateIds: ReadonlySet<string>;
  /** How many of the ids each identifier names, in the order of the identifiers. */
  itemsOf: number[];
};

type TokenKind = Extract<SubjectKind, IdentifierKind>;
const tokenKinds = ['session', 'external', 'phone', 'email'] as const satisfies readonly TokenKind[];
/** Kinds of which a purge leaves tombstones. */
const stoneKinds: ReadonlySet<TokenKind> = new Set(['session', 'external']);
/** The longest number that a call may have, in characters. */
const phoneLengthMax = 64;
/** Rows looked up by id at a time, and identifiers read before others get their turn. */
const perLook = 4000;
const perTurn = 1000;

/** Reads every identifier for what it is. Never throws: one that cannot be read fails no other. */
export async function understand(tenant: Tenant, named: readonly Named[]): Promise<Understood[]> {
  const understood: Understood[] = [];
  for (const [i, one] of named.entries()) {
    understood.push({ given: one.given, kind: one.kind, understoodAs: meaningOf(tenant, one) });
    if (i % perTurn === perTurn - 1) await nextTurn();
  }
  return understood;
}

function meaningOf(tenant: Tenant, { kind, given }: Named): string | null {
  // Half a character has no bytes of its own: it would be taken for another text, and so for somebody else.
  if (/\p{Surrogate}/u.test(given)) return null;
  switch (kind) {
    case null:
      return null;
    case 'call':
    case 'candidate':
      return isId(given) ? given : null;
    case 'session':
    case 'external':
      return given === '' ? null : given;
    case 'email':
      return emailValue(given) ?? null;
    case 'phone': {
      // No number is that long, and no call can have it: nothing is made of its digits.
      if (given.length > phoneLengthMax) return null;
      const phone = understandPhone(given, tenant.region);
      return phone?.e164 ?? phone?.digits ?? null;
    }
  }
}

/**
 * Finds what identifiers name: calls, uploads under way included, candidates with all their calls, and what was purged
 * before, by its tombstone; for a purge also what waits for a call that has not come. What nobody knows is left out.
 *
 * Set-based throughout: ten thousand identifiers are a few dozen statements.
 */
export async function resolveSubject(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenant: Tenant,
  understood: readonly Understood[],
  action: ErasureAction = 'purge',
): Promise<Found> {
  const owners: Set<string>[] = understood.map(() => new Set());
  for (const [i, { kind, understoodAs }] of understood.entries()) {
    if ((kind === 'call' || kind === 'candidate') && understoodAs !== null) owners[i]?.add(understoodAs);
  }
  for (const kind of tokenKinds) await findByTokens(engine, on, tenant, { kind, understood, owners });
  const owned = [...new Set(owners.flatMap((some) => [...some]))].sort();
  const known = await knownAmong(on, tenant.id, owned, { withAwaited: action === 'purge' });
  const callsOf = await callsOfCandidates(on, tenant.id, known.candidates);
  const ids = new Set<string>();
  const itemsOf = understood.map(({ kind }, i) => {
    const mine = reached(kind, owners[i] ?? new Set(), known, callsOf);
    for (const id of mine) ids.add(id);
    return mine.size;
  });
  const candidateIds = new Set([...known.candidates].filter((id) => ids.has(id)));
  return { ids: [...ids].sort(), candidateIds, itemsOf };
}

type Known = { calls: ReadonlySet<string>; candidates: ReadonlySet<string>; stones: ReadonlySet<string> };

/** What one identifier names. A candidate's id names no call, and a call's no candidate. */
function reached(
  kind: Named['kind'],
  owners: ReadonlySet<string>,
  { calls, candidates, stones }: Known,
  callsOf: ReadonlyMap<string, readonly string[]>,
): Set<string> {
  const ids = new Set<string>();
  for (const id of owners) {
    const isNamed =
      stones.has(id) || (kind !== 'candidate' && calls.has(id)) || (kind !== 'call' && candidates.has(id));
    if (!isNamed) continue;
    ids.add(id);
    for (const call of callsOf.get(id) ?? []) ids.add(call);
  }
  return ids;
}

type ByTokens = { kind: TokenKind; understood: readonly Understood[]; owners: readonly Set<string>[] };

/** Notes who carries the identifiers of one kind, under whichever epoch, or did before being purged. */
async function findByTokens(
  engine: Engine,
  on: StoreReads | StoreTx,
  tenant: Tenant,
  { kind, understood, owners }: ByTokens,
): Promise<void> {
  const { places, cores } = await coresOfKind(engine, tenant, kind, understood);
  if (places.length === 0) return;
  const note = (at: number, id: string) => owners[places[at % places.length] ?? -1]?.add(id);
  await underLivingEpochs(on, tenant.id, async (epochs) => {
    const queries = [];
    for (const epoch of epochs) {
      const key = await engine.secrets.epochKey(epoch);
      for (const token of blocksOf(encryptCores(key, cores))) queries.push({ epoch: epoch.number, token });
      key.fill(0);
    }
    for (const { at, ownerId } of await on.tokens.ownersOf(tenant.id, kind, queries)) note(at, ownerId);
  });
  if (!stoneKinds.has(kind)) return;
  const key = await engine.secrets.open(tenant.id, 'tombstone-key');
  const tokens = blocksOf(encryptCores(key, cores));
  key.fill(0);
  for (const { at, callId } of await on.tombstones.ownersOf(tenant.id, kind, tokens)) note(at, callId);
}

/** The cores of one kind in a row, and to which identifier each belongs: a phone has up to two. */
async function coresOfKind(engine: Engine, tenant: Tenant, kind: TokenKind, understood: readonly Understood[]) {
  const places: number[] = [];
  const cores: Buffer[] = [];
  const indexKey = await engine.secrets.open(tenant.id, 'index-key');
  for (const [i, one] of understood.entries()) {
    if (one.kind !== kind || one.understoodAs === null) continue;
    const values = kind === 'phone' ? phoneValues(one.given, tenant.region) : [one.understoodAs];
    for (const value of values) {
      places.push(i);
      cores.push(tokenCore(indexKey, kind, value));
    }
    if (places.length % perTurn === 0) await nextTurn();
  }
  indexKey.fill(0);
  return { places, cores: Buffer.concat(cores) };
}

/**
 * Those of the ids that are calls or candidates of the tenant, or were before they were purged. Tokens belong to holds too,
 * which are neither.
 */
async function knownAmong(
  on: StoreReads | StoreTx,
  tenantId: string,
  ids: readonly string[],
  { withAwaited }: { withAwaited: boolean },
): Promise<Known> {
  const [calls, candidates, stones] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (let from = 0; from < ids.length; from += perLook) {
    const some = ids.slice(from, from + perLook);
    const rows = await on.calls.peek(tenantId, some);
    for (const { id, status } of rows) if (withAwaited || status !== 'awaited') calls.add(id);
    const there = new Set(rows.map(({ id }) => id));
    const others = some.filter((id) => !there.has(id));
    if (others.length === 0) continue;
    for (const { id, status } of await on.candidates.peek(tenantId, others)) {
      // Of one that is still being added nobody was told.
      if (status !== 'ADDING') candidates.add(id);
    }
    for (const { callId } of await on.tombstones.find(tenantId, others)) stones.add(callId);
  }
  return { calls, candidates, stones };
}

async function callsOfCandidates(
  on: StoreReads | StoreTx,
  tenantId: string,
  candidateIds: ReadonlySet<string>,
): Promise<Map<string, string[]>> {
  const calls = new Map<string, string[]>();
  const ids = [...candidateIds];
  for (let from = 0; from < ids.length; from += perLook) {
    for (const { candidateId, id } of await on.calls.idsOfCandidates(tenantId, ids.slice(from, from + perLook))) {
      const mine = calls.get(candidateId);
      if (mine) mine.push(id);
      else calls.set(candidateId, [id]);
    }
  }
  return calls;
}
