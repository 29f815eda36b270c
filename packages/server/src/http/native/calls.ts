import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { PlatformUpload } from '../../engine/archive/platform-upload.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf, within } from '../bearer.ts';
import { invalidField } from '../json-in.ts';
import { parseJson } from '../json-text.ts';
import { mediaTypeOf } from '../media-type.ts';
import { readMultipart } from '../multipart.ts';
import { bodyOf, collect, readWhole } from '../request-body.ts';
import { attemptUpload } from '../upload-attempt.ts';
import { refuseAnnounced, WeighedForm } from '../weighed-form.ts';
import { callBytesMax, callValuesMax, readCallBody } from './call-body.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { audible, recordingType } from './recording-in.ts';

/** What a form may weigh beside its recording: the description, boundaries, headers. */
const formBytesMax = callBytesMax + 1024 * 1024;

/** Which call it is. */
export const CallId = Type.Object({ id: Type.String({ description: 'The call' }) });

/**
 * `POST /v1/calls`: archives a call. The body is a form with the part `call` (JSON, whatever it is labelled) and, if there
 * is one, the part `recording` (the audio, opaque, its type being kept), in either order; or, of a call without a recording,
 * the JSON alone.
 *
 * 201 with the call's id, once the call is archived; the same when the same call of the same session comes again, or the
 * same request under the same `Idempotency-Key`. Of anything else, a form cut off in the middle included, nothing stays. 415
 * for a body of another type.
 */
export function addCalls(app: FastifyInstance, engine: Engine): void {
  const options = { onRequest: within('calls:write'), schema: { response: { 201: CallId } } };
  app.post('/calls', options, async (request, reply) => {
    const id = await archiveCall(engine, request);
    return await reply.code(201).send({ id });
  });
}

async function archiveCall(engine: Engine, request: FastifyRequest): Promise<string> {
  const upload = await PlatformUpload.begin(engine, callerOf(request), idempotencyKeyOf(request));
  if (upload.settled !== undefined) return upload.settled.callId;
  return await attemptUpload(engine, upload, async () => {
    await receive(engine, request, upload);
    return (await upload.finish()).callId;
  });
}

async function receive(engine: Engine, request: FastifyRequest, upload: PlatformUpload): Promise<void> {
  const { 'content-type': contentType = '' } = request.headers;
  switch (mediaTypeOf(contentType)) {
    case 'multipart/form-data':
      refuseAnnounced(request.headers['content-length'], engine.limits.uploadBytesMax + formBytesMax);
      return await receiveForm(new WeighedForm(bodyOf(request), formBytesMax), contentType, upload);
    case 'application/json':
      return upload.describe(callIn(await readWhole(request, callBytesMax, 'The body'), 'The body'));
    default: {
      const message =
        'The Content-Type must be multipart/form-data, or application/json for a call without a recording';
      throw new AppError('media_type_unsupported', { message });
    }
  }
}

async function receiveForm(form: WeighedForm, contentType: string, upload: PlatformUpload): Promise<void> {
  const seen = new Set<string>();
  for await (const part of readMultipart(form, contentType)) {
    const what = `The part ${part.name}`;
    if (part.name !== 'call' && part.name !== 'recording') {
      throw invalidField('The form', 'has a part that is not known; known are call and recording');
    }
    if (seen.has(part.name)) throw invalidField(what, 'is repeated');
    seen.add(part.name);
    if (part.name === 'call') upload.describe(callIn(await collect(part.body, callBytesMax, what), what));
    else {
      const facts = { contentType: recordingType(part.contentType) };
      await upload.storeRecording(audible(form.recordingIn(part), what), facts);
    }
  }
  if (!seen.has('call')) throw invalidField('The part call', 'is missing');
}

function callIn(bytes: Buffer, what: string) {
  return readCallBody(parseJson(bytes, what, callValuesMax));
}
