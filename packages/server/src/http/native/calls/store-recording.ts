import type { FastifyRequest } from 'fastify';
import { refuseOtherRecording, storeLateRecording } from '../../../engine/calls/late-recording.ts';
import { AppError } from '../../../model/errors.ts';
import { isMediaType, mediaTypeOf } from '../../media-type.ts';
import { bodyOf } from '../../request-body.ts';
import { refuseAnnounced } from '../../weighed-form.ts';
import { operation } from '../operation.ts';
import { audible, orCut, recordingType } from '../recording-in.ts';
import { CallId } from './call-id.ts';

/**
 * `PUT /v1/calls/{id}/recording`. A repeat under its `Idempotency-Key` is compared with what is stored: of another request
 * nothing but its bytes can differ, and those of a call are never replaced.
 */
export const storeRecording = operation({
  id: 'storeRecording',
  method: 'PUT',
  path: '/calls/:id/recording',
  tag: 'Calls',
  summary: 'Store the recording of a call that was archived without it',
  description:
    'The body is the audio itself, as it is. Its Content-Type is kept; one that is no media type counts as none. What is ' +
    'stored is never replaced, and what was erased does not come back.',
  scopes: ['calls:write'],
  takesKey: true,
  reads: { 'application/octet-stream': 'bytes', 'audio/*': 'bytes', '*/*': 'bytes' },
  onRequest: dropOddType,
  answers: {
    200: { description: 'The call has the very same bytes already', content: CallId },
    201: { description: 'The recording is stored', content: CallId },
  },
  errors: ['call_not_found', 'call_erased', 'recording_erased', 'recording_exists', 'upload_busy'],
  async handle({ engine, caller, id, request, once }) {
    const { 'content-type': contentType, 'content-length': length } = request.headers;
    if (isForm(contentType)) {
      throw new AppError('media_type_unsupported', { message: 'The body must be the recording itself, not a form' });
    }
    refuseAnnounced(length, engine.limits.uploadBytesMax);
    const source = watched(audible(orCut(bodyOf(request)), 'The recording'));
    const facts = { contentType: recordingType(contentType) };
    const work = async (keeper: Parameters<Parameters<typeof once>[1]>[0]) => {
      const { isNew } = await storeLateRecording(engine, caller, id, source.bytes, facts, keeper);
      return { status: isNew ? 201 : 200, subjectId: id };
    };
    const { status } = await once(null, work, { id });
    // What has been read was stored, or found to be what is stored.
    if (!source.isBegun()) await refuseOtherRecording(engine, caller, id, source.bytes);
    return { status, body: { id } };
  },
});

/** What is no media type says nothing of the audio, and must not cost a client its request. */
async function dropOddType({ raw: { headers } }: FastifyRequest): Promise<void> {
  const { 'content-type': contentType } = headers;
  if (contentType !== undefined && !isMediaType(contentType) && !isForm(contentType))
    headers['content-type'] = undefined;
}

function isForm(contentType = ''): boolean {
  return mediaTypeOf(contentType).startsWith('multipart/');
}

/** The same bytes, and whether anybody has asked for them. */
function watched(source: AsyncIterable<Uint8Array>): { bytes: AsyncIterable<Uint8Array>; isBegun: () => boolean } {
  let isBegun = false;
  async function* passing() {
    isBegun = true;
    yield* source;
  }
  return { bytes: passing(), isBegun: () => isBegun };
}
