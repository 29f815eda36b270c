import type { FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { parseJson } from '../json-text.ts';
import { readWhole } from '../request-body.ts';
import { type Captured, captureUpload } from './capture-upload.ts';
import type { CreovaiCall } from './creovai-call.ts';
import { toNewCall } from './map.ts';

/** The longest chat or case: ten thousand messages of a page each. */
export const messagesBytesMax = 16 * 1024 * 1024;

/** The most values of a chat or case: its messages may all be there with every property that they are known to have. */
export const messageValuesMax = 300_000;

/**
 * Archives the chat or case in the body of a request, which is JSON whatever its Content-Type says.
 *
 * The body is read only when the caller may archive. Throws `input_invalid` for what `parse` refuses, `upload_too_large`
 * above `messagesBytesMax`, and what `captureUpload` throws.
 */
export async function captureBody(
  engine: Engine,
  request: FastifyRequest,
  parse: (body: unknown) => CreovaiCall,
): Promise<Captured<CreovaiCall>> {
  return await captureUpload(engine, callerOf(request), async (upload) => {
    const call = parse(parseJson(await readWhole(request, messagesBytesMax, 'The body'), 'The body', messageValuesMax));
    await upload.describe(toNewCall(call));
    return call;
  });
}
