import { type Artifact, isArchived } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { KeptAnswer } from '../../model/tenant.ts';
import type { Caller, Engine } from '../context.ts';
import { openPrint, printOf, sealPrint } from './request-print.ts';
import { requestToken } from './request-token.ts';

/** What is kept of the answer to a request that made a call. */
const made = 201;

/** Looks at a call whose details others replace all the time. */
const looksMax = 10;

/**
 * The answer to a request that makes a call and bears an `Idempotency-Key`: from the commit that names the call to the one
 * that makes it visible it is kept as under way, then with its status and the call's id. Never with its body.
 */
export class OpenAnswer {
  readonly #engine: Engine;
  readonly #tenantId: string;
  readonly #token: Buffer;
  #body: unknown;

  constructor(engine: Engine, tenantId: string, token: Buffer) {
    this.#engine = engine;
    this.#tenantId = tenantId;
    this.#token = token;
  }

  /** Says what the body of the request is, its recording apart: any JSON. */
  describe(body: unknown): void {
    this.#body = body;
  }

  /** In the transaction that names the call. Throws `upload_busy` where the same request has come a moment before. */
  async begin(tx: StoreTx, callId: string): Promise<void> {
    if (!(await tx.answers.insert(this.#row(callId, { status: null, sealed: null })))) throw underWay();
  }

  /** What is to be kept, sealed under the slot of the call's details, whose row must have been committed. */
  async seal(details: Artifact, recordingSha256: string | undefined): Promise<Buffer> {
    return await sealPrint(this.#engine, details, printOf(this.#body, recordingSha256));
  }

  /** In the transaction that makes the call visible. */
  async end(tx: StoreTx, sealed: Buffer): Promise<void> {
    // A clock that was set forward by a day may have dropped it: then a repeat is a request like any other.
    if ((await tx.answers.find(this.#tenantId, this.#token)) === undefined) return;
    await tx.answers.finish(this.#tenantId, this.#token, { status: made, sealed });
  }

  /** Keeps the answer to a request whose call was there already with the same content. */
  async keepFor(callId: string, recordingSha256: string | undefined): Promise<void> {
    for (let look = 1; look <= looksMax; look += 1) {
      const details = await this.#engine.store.reads.artifacts.find(callId, 'details');
      if (details === undefined) return;
      const sealed = await this.seal(details, recordingSha256).catch(unlessDestroyed);
      if (sealed !== undefined) await this.#keep(details, sealed);
      if (!(await isReplaced(this.#engine, details))) return;
    }
  }

  /** Keeps nothing that is sealed beside details which are there no more. */
  async #keep(details: Artifact, sealed: Buffer): Promise<void> {
    const callId = details.ownerId;
    await this.#engine.store.write(async (tx) => {
      const call = await tx.calls.find(this.#tenantId, callId);
      const now = await tx.artifacts.find(callId, 'details');
      if (call === undefined || !isArchived(call) || now?.slot !== details.slot) return;
      await tx.answers.insert(this.#row(callId, { status: made, sealed }));
    });
  }

  #row(subjectId: string, state: Pick<KeptAnswer, 'status' | 'sealed'>): KeptAnswer {
    const createdAt = this.#engine.clock.now();
    return { tenantId: this.#tenantId, key: this.#token, subjectId, createdAt, print: null, ...state };
  }
}

/** A request that was answered before. `print` tells whether this is it; undefined where what it said was erased. */
export type Answered = { callId: string; print: Buffer | undefined };

/**
 * What is known of a request by its `Idempotency-Key`: how it was answered, or an answer to be given. Throws `upload_busy`
 * while the same request is under way, and `store_busy` when others change its call all the time.
 */
export async function answerOf(
  engine: Engine,
  caller: Caller,
  verb: string,
  key: string,
): Promise<Answered | OpenAnswer> {
  const tenantId = caller.tenant.id;
  const token = await requestToken(engine, caller, verb, key);
  for (let look = 1; look <= looksMax; look += 1) {
    // Of one instant: a change of the call may seal it anew under other details.
    const { kept, details } = await engine.store.snapshot(async (reads) => {
      const found = await reads.answers.find(tenantId, token);
      return { kept: found, details: found && (await reads.artifacts.find(found.subjectId, 'details')) };
    });
    if (kept === undefined) return new OpenAnswer(engine, tenantId, token);
    if (kept.status === null) throw underWay();
    const print = details && kept.sealed ? await openPrint(engine, details, kept.sealed) : undefined;
    if (print !== undefined || !(await isReplaced(engine, details))) return { callId: kept.subjectId, print };
  }
  throw new AppError('store_busy', { detail: 'the call was changed all the time' });
}

/** True where others have taken the place of a call's details: what was sealed beside them is now beside those. */
async function isReplaced(engine: Engine, details: Artifact | undefined): Promise<boolean> {
  if (details === undefined) return false;
  const now = await engine.store.reads.artifacts.find(details.ownerId, 'details');
  return now !== undefined && now.slot !== details.slot;
}

/**
 * The call's id, if this is the request that was answered: with the same body and the digest (hex) of the same recording.
 * Throws `idempotency_mismatch` for another. Where what it said was erased, with its call or by a depersonalization, any
 * request is taken for it: nothing of it comes back.
 */
export function answerAgain(answered: Answered, body: unknown, recordingSha256: string | undefined): string {
  const isSame = answered.print?.equals(printOf(body, recordingSha256)) ?? true;
  if (!isSame) throw new AppError('idempotency_mismatch');
  return answered.callId;
}

/** What is erased between two looks has nothing left that a repeat could be compared with. */
function unlessDestroyed(error: unknown): undefined {
  if (!hasCode(error, 'key_destroyed')) throw error;
}

function underWay(): AppError {
  return new AppError('upload_busy', { message: 'A request with this Idempotency-Key is under way; try again later' });
}
