import { isId } from '../../lib/ids.ts';
import type { Artifact } from '../../model/call.ts';
import type { Candidate } from '../../model/campaign.ts';
import { reachOf } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import type { JsonObject } from '../archive/new-call.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { gatedByPurge } from '../erasure/resolve.ts';
import { openIntact } from './open-many.ts';
import type { CandidateCorrelation, CandidateDetails } from './sealed-campaign.ts';

/** A candidate, opened. */
export type ReadCandidate = CandidateCorrelation & {
  candidate: Candidate;
  /** Null where they were erased, or a started erasure reaches them. */
  phones: readonly string[] | null;
  /** The same. */
  variables: JsonObject | null;
  /** Calls archived of it. */
  callCount: number;
  /** The one that was archived last. */
  lastCallId: string | null;
};

/** An erasure that comes between takes numbers and variables, row and key in one commit: the second look meets none. */
const looksMax = 3;

/**
 * Opens a candidate of the caller's tenant. What was erased of it, and what a started erasure reaches, is null.
 *
 * Throws `candidate_not_found` for an id that is unknown, another tenant's or malformed, and for a candidate that is still
 * being added, all alike; `damage` for one that does not open.
 */
export async function readCandidate(engine: Engine, caller: Caller, candidateId: string): Promise<ReadCandidate> {
  requireScope(caller, 'calls:read', 'calls:write');
  // No other text gets as far as the database.
  if (!isId(candidateId)) throw new AppError('candidate_not_found');
  const { candidates, damaged } = await openCandidates(engine, caller, [candidateId]);
  if (damaged.has(candidateId)) throw new AppError('damage', { detail: `candidate ${candidateId} does not open` });
  const [read] = candidates;
  if (read === undefined) throw new AppError('candidate_not_found');
  return read;
}

/** `damaged` are those that would be shown if they opened. */
export type OpenedCandidates = { candidates: ReadCandidate[]; damaged: ReadonlySet<string> };

/**
 * Opens those of the candidates that may be shown, in the order of `ids`. One that is damaged keeps no other from being
 * shown: it is left out, and the operator is told. The caller's scope has been checked.
 */
export async function openCandidates(
  engine: Engine,
  caller: Caller,
  ids: readonly string[],
): Promise<OpenedCandidates> {
  for (let look = 1; ; look += 1) {
    const opened = await open(engine, caller, await lookAt(engine, caller, ids));
    if (opened.changed.length === 0) return opened;
    if (look < looksMax) continue;
    // Nothing but an erasure takes anything of a candidate, and that would have shown by now.
    for (const ownerId of opened.changed) engine.log.error('candidate.damaged', { candidateId: ownerId });
    return { ...opened, damaged: new Set([...opened.damaged, ...opened.changed]) };
  }
}

/** Candidates, and their artifacts; `whole` are those whose details nobody has erased or is about to. */
type Seen = { candidates: Candidate[]; whole: ReadonlySet<string>; details: Artifact[]; correlations: Artifact[] };

/**
 * Artifacts first, then gates, rows last: an erasure that comes between shows in a gate, or has left its mark in the row by
 * the time its gate is gone.
 */
async function lookAt(engine: Engine, { tenant }: Caller, ids: readonly string[]): Promise<Seen> {
  const { reads } = engine.store;
  const details = await reads.artifacts.findMany(ids, 'details');
  const correlations = await reads.artifacts.findMany(ids, 'correlation');
  const gates = await reads.erasures.gatesOf(ids);
  const gated = new Set(gates.filter((gate) => reachOf(gate.action, gate).artifacts.includes('details')).map(idOf));
  const hidden = new Set(gates.filter((gate) => reachOf(gate.action, gate).isWhole).map(idOf));
  const rows = new Map((await reads.candidates.findMany(tenant.id, ids)).map((row) => [row.id, row]));
  const isShown = (one: Candidate | undefined) => one !== undefined && one.status !== 'ADDING' && !hidden.has(one.id);
  const candidates = ids.flatMap((id) => rows.get(id) ?? []).filter(isShown);
  const shown = new Set(candidates.map((one) => one.id));
  const isWhole = (one: Candidate) => one.depersonalizedAt === null && !gated.has(one.id);
  const whole = new Set(candidates.flatMap((one) => (isWhole(one) ? [one.id] : [])));
  return {
    candidates,
    whole,
    details: details.filter(({ ownerId }) => whole.has(ownerId)),
    correlations: correlations.filter(({ ownerId }) => shown.has(ownerId)),
  };
}

function idOf({ callId }: { callId: string }): string {
  return callId;
}

/** `changed` are those of which something has gone since they were looked at: to be looked at again. */
async function open(
  engine: Engine,
  caller: Caller,
  seen: Seen,
): Promise<OpenedCandidates & { changed: readonly string[] }> {
  const details = await openIntact<CandidateDetails>(engine, seen.details);
  const correlations = await openIntact<CandidateCorrelation>(engine, seen.correlations);
  const damaged = new Set([...details.damaged, ...correlations.damaged]);
  const intact = seen.candidates.filter(({ id }) => !damaged.has(id));
  const calls = await callsOf(engine, caller, intact);
  const candidates: ReadCandidate[] = [];
  const changed: string[] = [];
  for (const candidate of intact) {
    const { id } = candidate;
    const correlation = correlations.opened.get(id);
    const known = details.opened.get(id);
    if (correlation === undefined || (known === undefined && seen.whole.has(id))) {
      changed.push(id);
      continue;
    }
    const { phones = null, variables = null } = known ?? {};
    const { callCount = 0, lastCallId = null } = calls.get(id) ?? {};
    candidates.push({ candidate, phones, variables, ...correlation, callCount, lastCallId });
  }
  return { candidates, damaged, changed };
}

type Calls = Pick<ReadCandidate, 'callCount' | 'lastCallId'>;

/** How many calls, and which was last; one that is being purged is no longer named. */
async function callsOf(engine: Engine, { tenant }: Caller, of: readonly Candidate[]): Promise<Map<string, Calls>> {
  const { reads } = engine.store;
  const ids = of.map((one) => one.id);
  const counts = await reads.calls.countsOfCandidates(tenant.id, ids);
  const lastIds = [...counts.values()].map((count) => count.lastCallId);
  const purged = await gatedByPurge(reads, lastIds);
  const calls = new Map<string, Calls>();
  for (const [candidateId, { calls: callCount, lastCallId }] of counts) {
    if (!purged.has(lastCallId)) calls.set(candidateId, { callCount, lastCallId });
    else calls.set(candidateId, await callsLeft(engine, tenant.id, candidateId));
  }
  return calls;
}

/** Rare, and asked one by one: a purge of the candidate's last call is under way. */
async function callsLeft(engine: Engine, tenantId: string, candidateId: string): Promise<Calls> {
  const { reads } = engine.store;
  const order = { by: 'createdAt', isDescending: false } as const;
  const ids = await reads.calls.search(tenantId, { candidateIds: [candidateId] }, order, all);
  const purged = await gatedByPurge(reads, ids);
  const left = ids.filter((id) => !purged.has(id));
  return { callCount: left.length, lastCallId: left.at(-1) ?? null };
}

/** More calls than anybody makes to one person. */
const all = { lookedAt: 100_000, found: 100_000 };
