import { createHmac } from 'node:crypto';
import type { Artifact, ArtifactKind } from '../../model/call.ts';
import { AppError, hasCode } from '../../model/errors.ts';
import type { StoreTx } from '../../model/store.ts';
import type { KeptAnswer } from '../../model/tenant.ts';
import { canonicalJson } from '../archive/new-call.ts';
import type { Caller, Engine } from '../context.ts';
import { openPrint, printOf, sealPrint } from './request-print.ts';
import { requestToken } from './request-token.ts';

/** What a write answered: its status, and the id of what it made or changed. The body is made anew from that. */
export type Answer = { status: number; subjectId: string };

/** A request that bears an `Idempotency-Key`. */
export type KeyedRequest = {
  key: string;
  /** What it is to do, in words that never change: part of what it is recognised by. */
  verb: string;
  /** All that it says, in its body and its path: any JSON. */
  said: unknown;
  /**
   * The artifact of the subject under whose slot is sealed what tells another request from this one, so that it dies with
   * that; null where nothing of what is said can be personal.
   */
  beside: ArtifactKind | null;
};

/** Keeps the answer of a write that is under way. Without an `Idempotency-Key` it keeps nothing. */
export interface AnswerKeeper {
  /** In the transaction that carries the write out. Throws `upload_busy` where the same request has just been carried out. */
  keep(tx: StoreTx, answer: Answer): Promise<void>;
  /** After that transaction, once the artifact's row is committed: until then any request is taken for this one. */
  seal(artifact: Artifact): Promise<void>;
}

/** For writes without a key. */
export const noKeeper: AnswerKeeper = { keep: async () => undefined, seal: async () => undefined };

/**
 * Carries out a write once, however often its request comes within a day: gives the answer that was given before, or lets
 * `work` give one, which has `keeper.keep` called in its transaction.
 *
 * Throws `idempotency_mismatch` where the key was used for another request, and whatever `work` throws: a request that
 * failed may be sent again.
 */
export async function once(
  engine: Engine,
  caller: Caller,
  request: KeyedRequest | undefined,
  work: (keeper: AnswerKeeper) => Promise<Answer>,
): Promise<Answer> {
  if (request === undefined) return await work(noKeeper);
  const token = await requestToken(engine, caller, request.verb, request.key);
  const before = await answeredBefore(engine, caller, token, request);
  if (before !== undefined) return before;
  try {
    return await work(keeperOf(engine, caller, token, request));
  } catch (error) {
    // The same request at the same moment: it was carried out by whoever came first.
    if (!hasCode(error, 'upload_busy')) throw error;
    const first = await answeredBefore(engine, caller, token, request);
    if (first === undefined) throw error;
    return first;
  }
}

async function answeredBefore(
  engine: Engine,
  caller: Caller,
  token: Buffer,
  request: KeyedRequest,
): Promise<Answer | undefined> {
  const kept = await engine.store.reads.answers.find(caller.tenant.id, token);
  if (kept === undefined || kept.status === null) return undefined;
  if (!(await isSame(engine, caller, kept, request))) throw new AppError('idempotency_mismatch');
  return { status: kept.status, subjectId: kept.subjectId };
}

/** Where what was said has been erased, any request is taken for the one that said it. */
async function isSame(
  engine: Engine,
  caller: Caller,
  kept: KeptAnswer,
  { said, beside }: KeyedRequest,
): Promise<boolean> {
  if (kept.print !== null) return (await keyedPrint(engine, caller, said)).equals(kept.print);
  if (kept.sealed === null || beside === null) return true;
  const artifact = await engine.store.reads.artifacts.find(kept.subjectId, beside);
  const print = artifact && (await openPrint(engine, artifact, kept.sealed));
  return print?.equals(printOf(said, undefined)) ?? true;
}

function keeperOf(engine: Engine, caller: Caller, token: Buffer, { said, beside }: KeyedRequest): AnswerKeeper {
  const tenantId = caller.tenant.id;
  return {
    async keep(tx, { status, subjectId }) {
      const print = beside === null ? await keyedPrint(engine, caller, said) : null;
      const createdAt = engine.clock.now();
      const row: KeptAnswer = { tenantId, key: token, subjectId, status, sealed: null, print, createdAt };
      if (await tx.answers.insert(row)) return;
      const message = 'A request with this Idempotency-Key is under way; try again later';
      throw new AppError('upload_busy', { message });
    },
    async seal(artifact) {
      if (beside === null) return;
      const sealed = await sealPrint(engine, artifact, printOf(said, undefined)).catch(unlessDestroyed);
      if (sealed === undefined) return;
      await engine.store.write(async (tx) => {
        if ((await tx.answers.find(tenantId, token)) !== undefined) await tx.answers.setSealed(tenantId, token, sealed);
      });
    },
  };
}

/** Of what is said nothing is personal, and yet nobody without the tenant's keys can try what it was. */
async function keyedPrint(engine: Engine, caller: Caller, said: unknown): Promise<Buffer> {
  const key = await engine.secrets.open(caller.tenant.id, 'index-key');
  const print = createHmac('sha256', key).update('request\0').update(canonicalJson(said)).digest();
  key.fill(0);
  return print;
}

function unlessDestroyed(error: unknown): undefined {
  if (!hasCode(error, 'key_destroyed')) throw error;
}
