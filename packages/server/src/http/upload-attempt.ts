import type { Engine } from '../engine/context.ts';
import type { AppError } from '../model/errors.ts';
import { asAppError } from './failure.ts';

/** Does what an upload needs. When that fails, whatever the reason, the upload is aborted, so that nothing of it stays. */
export async function attemptUpload<T>(
  engine: Engine,
  upload: { abort(): Promise<void> },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    engine.meter.count('tacet_uploads_total', { state: 'refused' });
    await giveUp(engine, upload, asAppError(error));
    throw error;
  }
}

/** What fails here is made good when the upload's lease ends; the client must hear why its upload failed. */
async function giveUp(engine: Engine, upload: { abort(): Promise<void> }, reason: AppError): Promise<void> {
  try {
    await upload.abort();
    engine.log.info('upload.given_up', { code: reason.code });
  } catch (error) {
    engine.log.warn('upload.abort_failed', { code: asAppError(error).code });
  }
}
