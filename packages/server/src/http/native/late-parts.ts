import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { changeCall } from '../../engine/calls/change-call.ts';
import { storeLateRecording } from '../../engine/calls/late-recording.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf, within } from '../bearer.ts';
import { parseJson } from '../json-text.ts';
import { isMediaType, mediaTypeOf } from '../media-type.ts';
import { bodyOf, readWhole } from '../request-body.ts';
import { refuseAnnounced } from '../weighed-form.ts';
import { callBytesMax, callValuesMax } from './call-body.ts';
import { CallId } from './calls.ts';
import { readChangeBody } from './change-body.ts';
import { audible, orCut, recordingType } from './recording-in.ts';

/**
 * `PUT /v1/calls/{id}/recording`: the audio of a call that was archived without it, as it is; its Content-Type is kept, and
 * one that is no media type is as none. 201
 * once it is stored, 200 when the call has the same bytes already; what is stored is never replaced.
 *
 * `PATCH /v1/calls/{id}`: what is said later of a call, in the fields that `CallChangeBody` lists; 200. A null changes
 * nothing, so that nothing can be cleared. 415 for a body that says that it is no JSON.
 *
 * Either is refused for what was erased.
 */
export function addLateParts(app: FastifyInstance, engine: Engine): void {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();
  const mayWrite = within('calls:write');
  const recording = {
    onRequest: [mayWrite, dropOddType],
    schema: { params: CallId, response: { 200: CallId, 201: CallId } },
  };
  routes.put('/calls/:id/recording', recording, async (request, reply) => {
    const { id } = request.params;
    const isNew = await storeRecording(engine, request, id);
    return await reply.code(isNew ? 201 : 200).send({ id });
  });
  const change = { onRequest: mayWrite, schema: { params: CallId, response: { 200: CallId } } };
  routes.patch('/calls/:id', change, async (request) => {
    const { id } = request.params;
    requireJson(request.headers['content-type']);
    const bytes = await readWhole(request, callBytesMax, 'The body');
    await changeCall(engine, callerOf(request), id, readChangeBody(parseJson(bytes, 'The body', callValuesMax)));
    return { id };
  });
}

async function storeRecording(engine: Engine, request: FastifyRequest, id: string): Promise<boolean> {
  const { 'content-type': contentType, 'content-length': length } = request.headers;
  if (isForm(contentType)) {
    throw new AppError('media_type_unsupported', { message: 'The body must be the recording itself, not a form' });
  }
  refuseAnnounced(length, engine.limits.uploadBytesMax);
  const source = audible(orCut(bodyOf(request)), 'The recording');
  const { isNew } = await storeLateRecording(engine, callerOf(request), id, source, {
    contentType: recordingType(contentType),
  });
  return isNew;
}

/** What is no media type says nothing of the audio, and must not cost a client its request. */
async function dropOddType({ raw: { headers } }: FastifyRequest): Promise<void> {
  const { 'content-type': contentType } = headers;
  if (contentType !== undefined && !isMediaType(contentType) && !isForm(contentType))
    headers['content-type'] = undefined;
}

function isForm(contentType = ''): boolean {
  return mediaTypeOf(contentType).startsWith('multipart/');
}

function requireJson(contentType = 'application/json'): void {
  if (mediaTypeOf(contentType) === 'application/json') return;
  throw new AppError('media_type_unsupported', { message: 'The Content-Type must be application/json' });
}
