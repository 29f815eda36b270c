import { changeCall as change } from '../../../engine/calls/change-call.ts';
import { AppError } from '../../../model/errors.ts';
import { parseJson } from '../../json-text.ts';
import { mediaTypeOf } from '../../media-type.ts';
import { readWhole } from '../../request-body.ts';
import { callBytesMax, callValuesMax } from '../call-body.ts';
import { CallChangeBody } from '../call-schema.ts';
import { readChangeBody } from '../change-body.ts';
import { operation } from '../operation.ts';
import { CallId } from './call-id.ts';

/** `PATCH /v1/calls/{id}`. */
export const changeCall = operation({
  id: 'changeCall',
  method: 'PATCH',
  path: '/calls/:id',
  tag: 'Calls',
  summary: 'Change a call, or add to it',
  description:
    'A field that is given takes the place of the one that is there, whole; the key of what was replaced is destroyed. A ' +
    'null changes nothing, so that nothing can be cleared. What was erased is not added to.',
  scopes: ['calls:write'],
  takesKey: true,
  reads: { 'application/json': CallChangeBody },
  answers: { 200: { description: 'The call says this now', content: CallId } },
  errors: ['call_not_found', 'call_erased', 'item_held', 'upload_busy'],
  async handle({ engine, caller, id, request, once }) {
    const { 'content-type': contentType = 'application/json' } = request.headers;
    if (mediaTypeOf(contentType) !== 'application/json') {
      throw new AppError('media_type_unsupported', { message: 'The Content-Type must be application/json' });
    }
    const bytes = await readWhole(request, callBytesMax, 'The body');
    const said = readChangeBody(parseJson(bytes, 'The body', callValuesMax));
    const { status } = await once(
      'details',
      async (keeper) => {
        await change(engine, caller, id, said, keeper);
        return { status: 200, subjectId: id };
      },
      { id, said },
    );
    return { status, body: { id } };
  },
});
