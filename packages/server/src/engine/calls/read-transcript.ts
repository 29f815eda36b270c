import { AppError } from '../../model/errors.ts';
import type { Transcript } from '../archive/new-call.ts';
import type { Caller, Engine } from '../context.ts';
import { readCalls } from './read-call.ts';

/**
 * What was said in a call. Throws `transcript_not_found` for a call that has none, and for one that is unknown, another
 * tenant's, erased or being erased; and what else `readCalls` does.
 */
export async function readTranscript(engine: Engine, caller: Caller, callId: string): Promise<Transcript> {
  const read = await readCalls(engine, caller, [callId], ['transcript'], { isStrict: true });
  const transcript = read.get(callId)?.transcript ?? null;
  if (transcript === null) throw new AppError('transcript_not_found');
  return transcript;
}
