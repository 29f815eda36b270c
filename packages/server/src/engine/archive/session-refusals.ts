import type { Call } from '../../model/call.ts';
import { AppError } from '../../model/errors.ts';
import type { NewCall } from './new-call.ts';

/** Said of an upload that was erased before it came, or on its way; `call` is undefined where it did not say what it is. */
export function uploadErased(call: Pick<NewCall, 'identifiers'> | undefined): AppError {
  const hasSession = call?.identifiers.some(({ kind }) => kind === 'session') ?? true;
  if (!hasSession) return new AppError('call_erased');
  return new AppError('call_erased', { message: 'This session was erased and its id cannot be used again' });
}

/**
 * Said of an upload whose session is that of an archived call which is not known to hold the same. Where an erasure has
 * taken what there was to compare with it may well be the same: then it is told so, and not that another session id would do.
 *
 * @param now the archived call as it is now; undefined where it was purged meanwhile.
 * @param call what is uploaded.
 */
export function sessionRefused(
  now: Call | undefined,
  call: NewCall,
  { hasRecording }: { hasRecording: boolean },
): AppError {
  if (now === undefined) return uploadErased(call);
  if (now.depersonalizedAt !== null) {
    const message = 'The call of this session was depersonalized and cannot be stored again';
    return new AppError('call_erased', { message });
  }
  if (now.recordingErasedAt !== null && hasRecording) return new AppError('recording_erased');
  return new AppError('session_taken');
}
