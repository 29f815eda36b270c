import { blocksOf, encryptCores } from '../../keys/token-cipher.ts';
import type { CandidateStatus } from '../../model/campaign.ts';
import type { StoreTx } from '../../model/store.ts';
import type { Epoch, TokenQuery } from '../../model/token-store.ts';
import type { Caller, Engine } from '../context.ts';
import { coresOfOwner, type KindCore, underLivingEpochs } from '../identifiers.ts';

/** By what a repeated request is told from a new one: cores of numbers and of the client's own id, as text. */
export type Likeness = { phones: readonly string[]; external: string };

/** A candidate that stands on a task. */
export type Standing = {
  id: string;
  taskId: string;
  likeness: Likeness;
  /**
   * `adding`: the request that adds it has not come to its end, be it that it is still running or that it died. `erasing`:
   * an erasure has begun that a hold may still stop. `erased`: its numbers are gone, the client's own id is still there.
   */
  state: 'shown' | 'adding' | 'erasing' | 'erased';
};

/**
 * Candidates by what a repeat is recognised by. A candidate is a repeat of one on the same task that shares a number with
 * it and has the same id of the client's, or has none either.
 *
 * Of one that is still being added nobody knows whether it will ever be whole: whoever brings the very same numbers
 * finishes it, and to all others it does not exist.
 *
 * Of one whose numbers are erased, or about to be, only the client's own id is left to recognise it by; where nobody stands
 * who is like it in all, whoever brings that id repeats the request that was erased. Without one it is not recognised.
 */
export class Repeats {
  readonly #known = new Map<string, Standing>();

  /** Of two that are alike the first stays, so that the answer to a repeat does not change. */
  add(standing: Standing): void {
    for (const key of keysOfStanding(standing)) {
      if (!this.#known.has(key)) this.#known.set(key, standing);
    }
  }

  find(candidate: Pick<Standing, 'taskId' | 'likeness'>): Standing | undefined {
    for (const key of [...keysOf(candidate), keyOfAll(candidate), ...keysOfErased(candidate)]) {
      const known = this.#known.get(key);
      if (known !== undefined) return known;
    }
    return undefined;
  }
}

function keysOfStanding(standing: Standing): string[] {
  if (standing.state === 'shown') return keysOf(standing);
  return standing.state === 'adding' ? [keyOfAll(standing)] : keysOfErased(standing);
}

function keysOf({ taskId, likeness }: Pick<Standing, 'taskId' | 'likeness'>): string[] {
  return likeness.phones.map((phone) => `${taskId} ${likeness.external} ${phone}`);
}

function keyOfAll({ taskId, likeness }: Pick<Standing, 'taskId' | 'likeness'>): string {
  return `${taskId} ${likeness.external} all ${likeness.phones.join()}`;
}

function keysOfErased({ taskId, likeness }: Pick<Standing, 'taskId' | 'likeness'>): string[] {
  return likeness.external === '' ? [] : [`${taskId} ${likeness.external} erased`];
}

export function likenessOf(cores: readonly KindCore[]): Likeness {
  const texts = (kind: KindCore['kind']) =>
    cores.flatMap((one) => (one.kind === kind ? [one.core.toString('hex')] : [])).sort();
  return { phones: texts('phone'), external: texts('external').join() };
}

/**
 * What stands on a task and may be one of the candidates that are to be added, oldest first; what was cancelled, unless by
 * being erased, does not. To be asked in the transaction that adds them.
 */
export async function standingOn(
  engine: Engine,
  tx: StoreTx,
  { tenant }: Caller,
  taskId: string,
  coming: readonly (readonly KindCore[])[],
): Promise<Standing[]> {
  // Any number of candidates may share a phone; few share the client's own id.
  const wanted = coming.flatMap((cores) => {
    const external = cores.filter((one) => one.kind === 'external');
    return external.length > 0 ? external : cores.filter((one) => one.kind === 'phone');
  });
  const states = new Map<string, Standing['state']>();
  await underLivingEpochs(tx, tenant.id, async (epochs) => {
    for (const kind of ['phone', 'external'] as const) {
      const cores = wanted.filter((one) => one.kind === kind).map((one) => one.core);
      const tokens = await queriesOfAll(engine, epochs, cores);
      for (const one of await tx.candidates.carriers(tenant.id, taskId, kind, tokens)) {
        states.set(one.candidateId, stateOf(one));
      }
    }
  });
  for (const { callId } of await tx.erasures.gatesOf([...states.keys()])) {
    if (states.get(callId) !== 'erased') states.set(callId, 'erasing');
  }
  const standing: Standing[] = [];
  for (const [id, state] of [...states].sort(([a], [b]) => (a < b ? -1 : 1))) {
    standing.push({ id, taskId, likeness: await likenessOfOwner(engine, tx, tenant.id, id), state });
  }
  return standing;
}

function stateOf({ status, isErased }: { status: CandidateStatus; isErased: boolean }): Standing['state'] {
  if (isErased) return 'erased';
  return status === 'ADDING' ? 'adding' : 'shown';
}

/** Many cores as they would be stored under each living epoch, oldest first: so a token that moves is met once at least. */
export async function queriesOfAll(
  engine: Engine,
  epochs: readonly Epoch[],
  cores: readonly Buffer[],
): Promise<TokenQuery[]> {
  const queries: TokenQuery[] = [];
  if (cores.length === 0) return queries;
  for (const epoch of epochs) {
    const key = await engine.secrets.epochKey(epoch);
    const tokens = blocksOf(encryptCores(key, Buffer.concat([...cores])));
    key.fill(0);
    for (const token of tokens) queries.push({ epoch: epoch.number, token });
  }
  return queries;
}

async function likenessOfOwner(engine: Engine, tx: StoreTx, tenantId: string, id: string): Promise<Likeness> {
  const all: KindCore[] = [];
  for (const kind of ['phone', 'external'] as const) {
    const { cores } = await coresOfOwner(engine, tx, tenantId, id, kind);
    all.push(...cores.map((core) => ({ kind, core })));
  }
  return likenessOf(all);
}
