import { newId } from '../../lib/ids.ts';
import type { Artifact, Identifier } from '../../model/call.ts';
import type { Candidate, Task } from '../../model/campaign.ts';
import { AppError, Bug, hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Caller, Engine } from '../context.ts';
import { coresOf, insertTokensOfMany, type KindCore } from '../identifiers.ts';
import type { AddingLease } from './adding-lease.ts';
import { refuseHalted } from './change-task.ts';
import { findTask } from './read-task.ts';
import { type Likeness, likenessOf, Repeats, standingOn } from './repeats.ts';
import type { CandidateCorrelation, CandidateDetails } from './sealed-campaign.ts';

/** A person to put on a task, as a surface understood it. */
export type NewCandidate = {
  taskId: string;
  /** A UUID of the platform's; null for the task's own. */
  botId: string | null;
  details: CandidateDetails;
  correlation: CandidateCorrelation;
};

/** A candidate that has its rows. `artifacts` are what this request is to seal of it: none of a repeat. */
export type NamedCandidate = { id: string; given: NewCandidate; artifacts: readonly Artifact[] };

/** What is sealed of a candidate, in the order in which its slots are handed out. */
const kinds = ['details', 'correlation'] as const;
/** Candidates named in one transaction. */
const batch = 200;
/** Attempts at naming slots: a lease lost twice in a row means a stalled machine. */
const attemptsMax = 3;

/** One slot for each of `kinds`, side by side. */
type SlotPair = readonly number[];

/** A candidate on its way in: its id if it turns out to be new, and what it is recognised by. */
type Coming = { id: string; taskId: string; given: NewCandidate; cores: readonly KindCore[]; likeness: Likeness };

/**
 * Commits the rows of candidates, their tokens, and the slots under which they are to be sealed, some at a time; nobody sees
 * any of them yet. What stands on its task already is named by the id that it has. In the order given.
 *
 * Throws `task_not_found`, `input_invalid` for a task that was halted, and `upload_busy` for what is being erased.
 */
export async function nameCandidates(
  engine: Engine,
  caller: Caller,
  candidates: readonly NewCandidate[],
  lease: AddingLease,
): Promise<NamedCandidate[]> {
  const now = engine.clock.now();
  // Sorted, so that lists, which are in the order of ids, show them as they were given.
  const ids = candidates.map(() => newId(now)).sort();
  const coming: Coming[] = [];
  for (const [place, given] of candidates.entries()) {
    const cores = await coresOf(engine, caller.tenant, identifiersOf(given));
    coming.push({ id: ids[place] ?? '', taskId: given.taskId, given, cores, likeness: likenessOf(cores) });
  }
  const named: NamedCandidate[] = [];
  const stock: SlotPair[] = [];
  const mine = new Repeats();
  for (let from = 0; from < coming.length; from += batch) {
    const some = await nameSome(engine, caller, coming.slice(from, from + batch), { mine, stock, lease });
    named.push(...some);
    await engine.faults.at('candidates:named');
  }
  return named;
}

/** What a candidate is found by: each of its numbers, and the client's own id. */
function identifiersOf({ details, correlation }: Pick<NewCandidate, 'details' | 'correlation'>): Identifier[] {
  const { clientExternalId } = correlation;
  return [
    ...details.phones.map((value): Identifier => ({ kind: 'phone', value })),
    ...(clientExternalId === null ? [] : [{ kind: 'external', value: clientExternalId } as const]),
  ];
}

/** What one request carries from one of its transactions to the next; changed between them, never inside. */
type Request = {
  /** What it has added so far. */
  mine: Repeats;
  /** Slots taken and not used yet. */
  stock: SlotPair[];
  lease: AddingLease;
};

async function nameSome(
  engine: Engine,
  caller: Caller,
  coming: readonly Coming[],
  request: Request,
): Promise<NamedCandidate[]> {
  const { mine, stock, lease } = request;
  for (let attempt = 1; ; attempt += 1) {
    while (stock.length < coming.length) stock.push(await engine.issuer.take(kinds.length));
    const at = engine.clock.now();
    try {
      const { named, used } = await lease.write(async (tx) => await nameIn(engine, caller, tx, coming, request));
      stock.splice(0, used);
      const adding = named.filter(({ artifacts }) => artifacts.length > 0).map(({ id }) => id);
      lease.add(adding, at);
      for (const [place, { id, artifacts }] of named.entries()) {
        const one = coming[place];
        if (one !== undefined && artifacts.length > 0) mine.add({ ...one, id, state: 'shown' });
      }
      return named;
    } catch (error) {
      if (!hasCode(error, 'lease_lost') || attempt === attemptsMax) throw error;
      // What is left of a lost leaf is destroyed.
      stock.length = 0;
    }
  }
}

/** The transaction. `used` is how many of the slots in stock it has named. */
async function nameIn(
  engine: Engine,
  caller: Caller,
  tx: StoreTx,
  coming: readonly Coming[],
  { mine, stock }: Request,
): Promise<{ named: NamedCandidate[]; used: number }> {
  const { tasks, standing } = await lookAtTasks(engine, caller, tx, coming);
  const named: NamedCandidate[] = [];
  const fresh: Coming[] = [];
  const takenOver: string[] = [];
  for (const one of coming) {
    const known = mine.find(one) ?? standing.find(one);
    if (known?.state === 'erasing') throw beingErased();
    if (known === undefined) {
      named.push({ id: one.id, given: one.given, artifacts: rowsOf(caller, one, stock[fresh.length] ?? []) });
      fresh.push(one);
    } else {
      const isAdding = known.state === 'adding';
      if (isAdding) takenOver.push(known.id);
      named.push({ id: known.id, given: one.given, artifacts: isAdding ? await tx.artifacts.ofOwner(known.id) : [] });
    }
    if (known === undefined || known.state === 'adding') {
      standing.add({ ...one, id: known?.id ?? one.id, state: 'shown' });
    }
  }
  await tx.candidates.renew(takenOver, engine.clock.now());
  await tx.candidates.insert(fresh.map((one) => rowOf(engine, one, tasks.get(one.taskId))));
  const ids = new Set(fresh.map(({ id }) => id));
  await tx.artifacts.insert(named.flatMap(({ id, artifacts }) => (ids.has(id) ? artifacts : [])));
  await insertTokensOfMany(
    engine,
    tx,
    caller.tenant,
    fresh.map(({ id, cores }) => ({ ownerId: id, cores })),
  );
  await engine.issuer.confirm(tx.keys, stock.slice(0, fresh.length).flat());
  return { named, used: fresh.length };
}

function beingErased(): AppError {
  return new AppError('upload_busy', { message: 'A candidate of this request is being erased; try again later' });
}

/** The tasks that candidates are put on, and who stands there already. */
async function lookAtTasks(
  engine: Engine,
  caller: Caller,
  tx: StoreTx,
  coming: readonly Coming[],
): Promise<{ tasks: Map<string, Task>; standing: Repeats }> {
  const tasks = new Map<string, Task>();
  const standing = new Repeats();
  // Each task is taken, so that nobody else names anybody on it; in one order, whatever the order of the candidates.
  for (const taskId of [...new Set(coming.map((one) => one.taskId))].sort()) {
    const task = await findTask(tx, caller.tenant.id, taskId);
    refuseHalted(task);
    tasks.set(taskId, task);
    const cores = coming.flatMap((one) => (one.taskId === taskId ? [one.cores] : []));
    for (const one of await standingOn(engine, tx, caller, taskId, cores)) standing.add(one);
  }
  return { tasks, standing };
}

function rowOf(engine: Engine, { id, taskId, given }: Coming, task: Task | undefined): Candidate {
  if (task === undefined) throw new Bug('a candidate is put on a task that was not looked at');
  const botId = given.botId ?? task.botId;
  const at = engine.clock.now();
  const times = { createdAt: at, updatedAt: at, depersonalizedAt: null };
  return { id, tenantId: task.tenantId, taskId, status: 'ADDING', botId, ...times };
}

function rowsOf({ tenant }: Caller, { id }: Coming, slots: SlotPair): Artifact[] {
  return kinds.flatMap((kind, place) => {
    const slot = slots[place];
    if (slot === undefined) throw new Bug('there are fewer slots than candidates');
    return [{ slot, tenantId: tenant.id, ownerId: id, kind, sealed: null, blob: null, blobBytes: null }];
  });
}
