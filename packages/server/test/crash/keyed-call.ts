/** A call that is archived under an Idempotency-Key, by a process that may die over it. */
import { createHash } from 'node:crypto';
import { PlatformUpload } from '../../src/engine/archive/platform-upload.ts';
import type { Archived } from '../../src/engine/archive/upload.ts';
import type { Caller, Engine } from '../../src/engine/context.ts';
import { readCallBody } from '../../src/http/native/call-body.ts';
import { chunksOf } from './life.ts';

/** The same bytes in every process. */
export const keyedRecording = Buffer.concat(
  Array.from({ length: 4000 }, (_, i) => createHash('sha256').update(`keyed ${i}`).digest()),
);

/** Sends the call as the surface does; what fails on the way is aborted. */
export async function sendKeyed(engine: Engine, caller: Caller): Promise<Archived> {
  const upload = await PlatformUpload.begin(engine, caller, 'the-key');
  try {
    upload.describe(readCallBody({ startedAt: '2026-01-02T03:04:05Z', transcript: [{ text: 'said' }] }));
    await upload.storeRecording(chunksOf(keyedRecording), { contentType: 'audio/wav' });
    return await upload.finish();
  } catch (error) {
    await upload.abort();
    throw error;
  }
}
