import type { PlatformCorrelation, PlatformDetails } from '../../engine/archive/platform-call.ts';
import type { CallChange } from '../../engine/calls/change-call.ts';
import { plainer, timeOf, transcriptOf } from './call-body.ts';
import { CallChangeBody } from './call-schema.ts';
import { shapeOf } from './shape.ts';

const readShape = shapeOf(CallChangeBody);

/**
 * Reads what is said later of a call from parsed JSON; only what it says is in the result. A null says nothing: what is
 * there stays. Throws `input_invalid` as `readCallBody` does.
 */
export function readChangeBody(value: unknown): CallChange {
  const body = readShape(plainer(value), 'The body');
  const details = detailsOf(body);
  const correlation = correlationOf(body);
  const transcript = transcriptOf(body.transcript);
  return {
    ...(body.status !== undefined && { dialStatus: body.status }),
    ...(body.endedAt !== undefined && { endedAt: timeOf('endedAt', body.endedAt) }),
    ...(body.durationMs !== undefined && { durationMs: body.durationMs }),
    ...(body.retainUntil !== undefined && { retainUntil: timeOf('retainUntil', body.retainUntil) }),
    ...(Object.keys(details).length > 0 && { details }),
    ...(Object.keys(correlation).length > 0 && { correlation }),
    ...(transcript !== null && { transcript }),
  };
}

function detailsOf(body: CallChangeBody): Partial<Omit<PlatformDetails, 'participants'>> {
  const { variables, results, dialogResult, nps, redirect, logLink, metadata } = body;
  return given({ variables, results, dialogResult, nps, redirect, logLink, metadata });
}

function correlationOf(body: CallChangeBody): Partial<Omit<PlatformCorrelation, 'sessionId' | 'externalId'>> {
  const { callbackData, ownNumber, shortNumber, botName, responder, transferredToOperator } = body;
  const { price, regionId, timezone } = body;
  const said = { callbackData, ownNumber, shortNumber, botName, responder, transferredToOperator };
  return given({ ...said, price, regionId, timezone });
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that were given: nothing is read from one that is not there. */
function given<T extends object>(fields: T): Given<T> {
  // What is left out of an object is all that changes its type here.
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)) as Given<T>;
}
