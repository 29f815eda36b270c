import type { Identifier } from '../../model/call.ts';
import type { Hold } from '../../model/erasure.ts';
import { AppError } from '../../model/errors.ts';
import { type AnswerKeeper, noKeeper } from '../answers/once.ts';
import { type Caller, type Engine, requireScope } from '../context.ts';
import { type Named, understand } from '../plans/subject.ts';
import { type NewHold, placeHold } from './place-hold.ts';

/** A hold as somebody asks for it. `path` says where in the request an identifier stands, for what is wrong with it. */
export type AskedHold = Pick<NewHold, 'from' | 'to' | 'reviewAt' | 'reason'> & {
  named: readonly (Named & { path: string })[];
};

/**
 * Places a hold on whom or what its subject names. One that covers less than was asked for would be no protection: where
 * anything cannot be understood it throws `input_invalid` with its place, and nothing is placed.
 */
export async function placeNamedHold(
  engine: Engine,
  caller: Caller,
  { named, ...rest }: AskedHold,
  keeper: AnswerKeeper = noKeeper,
): Promise<Hold> {
  requireScope(caller, 'holds:write');
  if (rest.from !== null && rest.to !== null && rest.from > rest.to) {
    throw new AppError('input_invalid', { message: 'subject.to must not lie before subject.from' });
  }
  const understood = await understand(caller.tenant, named);
  const callIds: string[] = [];
  const identifiers: Identifier[] = [];
  for (const [i, { kind, given, understoodAs }] of understood.entries()) {
    if (understoodAs === null || kind === null) {
      throw new AppError('input_invalid', { message: `${named[i]?.path} cannot be understood` });
    }
    if (kind === 'call' || kind === 'candidate') callIds.push(understoodAs);
    else identifiers.push({ kind, value: given });
  }
  const subject = understood.map(({ kind, given, understoodAs }) => ({ kind, given, understoodAs }));
  return await placeHold(engine, caller, { ...rest, callIds: [...new Set(callIds)], identifiers, subject }, keeper);
}
