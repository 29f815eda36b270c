import { AppError, codeOf, type ErrorCode } from '../../model/errors.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import type { Transcript } from '../archive/new-call.ts';
import type { PlatformCorrelation, PlatformDetails } from '../archive/platform-call.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { carryOut } from './carry-out.ts';
import { draftOf } from './change-draft.ts';
import type { RowChange } from './row-change.ts';

/**
 * What a platform says later of a call that is archived. A field that is named takes the place of the one that is there,
 * whole; null, like silence, leaves it as it is. A transcript is the whole of it.
 */
export type CallChange = RowChange & {
  details?: Partial<Omit<PlatformDetails, 'participants'>>;
  correlation?: Partial<Omit<PlatformCorrelation, 'sessionId' | 'externalId'>>;
  transcript?: Transcript;
};

/** Attempts at a change whose call others change as well. */
const attemptsMax = 10;
/** What a draft meets that was overtaken: by another change, an event, an erasure, or its own lease's end. */
const overtaken: ReadonlySet<ErrorCode> = new Set(['plan_changed', 'key_destroyed', 'upload_cut']);

/**
 * Adds to a call of any source what its platform says later of it. What is there already changes nothing. A value that is
 * replaced is erased: with the key under which it was sealed, in the same commit.
 *
 * Throws, with nothing changed: `call_not_found`; `call_erased` for a purged call, and for anything of the details or the
 * transcript of one that was depersonalized; `upload_busy` while an erasure of what is to change has begun that may yet
 * yield to a hold; `item_held` where a hold covers a call that would lose anything; `input_invalid` as `newInRow` and
 * `refuseOversized` do; `store_busy` when others change the call all the time.
 */
export async function changeCall(
  engine: Engine,
  caller: Caller,
  callId: string,
  change: CallChange,
  keeper: AnswerKeeper = noKeeper,
): Promise<void> {
  requireScope(caller, 'calls:write');
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    try {
      const draft = await draftOf(engine, caller, callId, change);
      if (draft.parts.length + Object.keys(draft.row).length > 0) await carryOut(engine, caller, draft, keeper);
      else await keepUnchanged(engine, callId, keeper);
      if (keeper !== noKeeper) await sealAnswer(engine, callId, keeper);
      return;
    } catch (error) {
      if (!overtaken.has(codeOf(error))) throw error;
    }
  }
  throw new AppError('store_busy', { detail: 'the call was changed all the time' });
}

/** What is kept of a request after which nothing was to be changed. */
async function keepUnchanged(engine: Engine, callId: string, keeper: AnswerKeeper): Promise<void> {
  if (keeper === noKeeper) return;
  await engine.store.write(async (tx) => await keeper.keep(tx, { status: 200, subjectId: callId }));
}

/**
 * Seals what tells another request from this one under the slot of the call's details; of a call that was depersonalized
 * any request is taken for this one. Others may put new details in their place meanwhile: then under the slot of those.
 */
async function sealAnswer(engine: Engine, callId: string, keeper: AnswerKeeper): Promise<void> {
  for (let look = 1; look <= attemptsMax; look += 1) {
    const details = await engine.store.reads.artifacts.find(callId, 'details');
    if (details === undefined) return;
    await keeper.seal(details);
    const now = await engine.store.reads.artifacts.find(callId, 'details');
    if (now === undefined || now.slot === details.slot) return;
  }
}
