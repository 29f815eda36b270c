import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { PlatformUpload } from '../../../engine/archive/platform-upload.ts';
import type { Caller, Engine } from '../../../engine/context.ts';
import { AppError } from '../../../model/errors.ts';
import { invalidField } from '../../json-in.ts';
import { parseJson } from '../../json-text.ts';
import { mediaTypeOf } from '../../media-type.ts';
import { readMultipart } from '../../multipart.ts';
import { bodyOf, collect, readWhole } from '../../request-body.ts';
import { attemptUpload } from '../../upload-attempt.ts';
import { refuseAnnounced, WeighedForm } from '../../weighed-form.ts';
import { callBytesMax, callValuesMax, readCallBody } from '../call-body.ts';
import { CallBody } from '../call-schema.ts';
import { idempotencyKeyOf } from '../idempotency-key.ts';
import { operation } from '../operation.ts';
import { audible, recordingType } from '../recording-in.ts';
import { strict } from '../shapes.ts';
import { CallId } from './call-id.ts';

/** What a form may weigh beside its recording: the description, boundaries, headers. */
const formBytesMax = callBytesMax + 1024 * 1024;

const CallForm = Type.Object(
  {
    call: CallBody,
    recording: Type.Optional(Type.String({ format: 'binary', description: 'The audio, as it is' })),
  },
  strict,
);

/** `POST /v1/calls`. The parts of its form come in either order; the type of the one that is the audio is kept. */
export const archiveCall = operation({
  id: 'archiveCall',
  method: 'POST',
  path: '/calls',
  tag: 'Calls',
  summary: 'Archive a call',
  description:
    'A form with the part `call` (JSON, whatever it is labelled) and, if there is one, the part `recording` (the audio, ' +
    'opaque, its type being kept), in either order; or, of a call without a recording, the JSON alone. Fields that are ' +
    'null count as absent. The answer is the same when the same call of the same session comes again, or the same ' +
    'request under the same `Idempotency-Key`. Of anything else, a form cut off in the middle included, nothing stays.',
  scopes: ['calls:write'],
  takesKey: true,
  reads: { 'multipart/form-data': CallForm, 'application/json': CallBody },
  answers: { 201: { description: 'The call is archived: sealed, durable, found by its numbers', content: CallId } },
  errors: ['call_erased', 'candidate_erased', 'recording_erased', 'session_taken', 'upload_busy'],
  async handle({ engine, caller, request }) {
    return { status: 201, body: { id: await archived(engine, caller, request) } };
  },
});

async function archived(engine: Engine, caller: Caller, request: FastifyRequest): Promise<string> {
  const upload = await PlatformUpload.begin(engine, caller, idempotencyKeyOf(request));
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
