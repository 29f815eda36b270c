import { Upload } from '../../engine/archive/upload.ts';
import type { Caller, Engine } from '../../engine/context.ts';
import { attemptUpload } from '../upload-attempt.ts';

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
  return await attemptUpload(engine, upload, async () => {
    const received = await receive(upload);
    const { callId } = await upload.finish();
    return { callId, received };
  });
}
