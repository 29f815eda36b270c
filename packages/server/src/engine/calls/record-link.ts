import { AppError, type ErrorCode, hasCode } from '../../model/errors.ts';
import type { Caller, Engine } from '../context.ts';
import { linkMaker, openLink } from './link.ts';
import { type OpenedRecording, openRecording } from './read-recording.ts';

/**
 * Gives what makes the secret parts of links to recordings, one for each call that the caller has been shown with its
 * recording. Each opens that recording for whoever has the link, without any other credentials.
 *
 * It ends when its time is over (`limits.recordLinkLifeMs`), when the recording is erased or begins to be, and when the
 * client or user it was made for is disabled or may no longer read. Nothing is stored of it and no audit row tells of it: a
 * list carries one for each of its rows, nearly all of which nobody ever follows.
 */
export async function recordLinks(engine: Engine, caller: Caller): Promise<(callId: string) => string> {
  const makeLink = await linkMaker(engine, caller, { kind: 'record', lifeMs: engine.limits.recordLinkLifeMs });
  return (callId) => makeLink(callId).token;
}

/** What a link comes to that opens nothing. Whoever follows it is not told which it was. */
const deadCodes: readonly ErrorCode[] = ['token_invalid', 'scope_missing', 'recording_not_found', 'key_destroyed'];

/** The recording behind the secret part of a link. Throws `recording_not_found` for every link that opens nothing. */
export async function openRecordLink(engine: Engine, token: string): Promise<OpenedRecording> {
  try {
    const { caller, callId } = await openLink(engine, 'record', token);
    return await openRecording(engine, caller, callId);
  } catch (error) {
    throw deadCodes.some((code) => hasCode(error, code)) ? new AppError('recording_not_found') : error;
  }
}
