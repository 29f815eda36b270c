import { Upload } from '../../engine/archive/upload.ts';
import type { Caller, Engine } from '../../engine/context.ts';
import type { AppError } from '../../model/errors.ts';
import { asAppError } from '../failure.ts';

/** A call that is archived now, or was before with the same content. */
export type Captured<T> = { callId: string; received: T };

/**
 * Archives one call: `receive` describes it to the upload, and brings its recording if it has one.
 *
 * Resolves once the call is archived, `received` being what `receive` made. Of an upload that fails, whatever the reason,
 * nothing stays. Throws `scope_missing` before `receive` is called, whatever `receive` throws, and what `Upload` does.
 */
export async function captureUpload<T>(
  engine: Engine,
  caller: Caller,
  receive: (upload: Upload) => Promise<T>,
): Promise<Captured<T>> {
  const upload = new Upload(engine, caller);
  try {
    const received = await receive(upload);
    const { callId } = await upload.finish();
    return { callId, received };
  } catch (error) {
    await giveUp(engine, upload, asAppError(error));
    throw error;
  }
}

/** What fails here is made good when the upload's lease ends; the client must hear why its upload failed. */
async function giveUp(engine: Engine, upload: Upload, reason: AppError): Promise<void> {
  try {
    await upload.abort();
    engine.log.info('upload.given_up', { code: reason.code });
  } catch (error) {
    engine.log.warn('upload.abort_failed', { code: asAppError(error).code });
  }
}
