import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Upload } from '../../engine/archive/upload.ts';
import type { Engine } from '../../engine/context.ts';
import { callerOf } from '../bearer.ts';
import { invalidField, lowerAscii } from '../json-in.ts';
import { parseJson } from '../json-text.ts';
import { type Part, readMultipart } from '../multipart.ts';
import { bodyOf, collect } from '../request-body.ts';
import { refuseAnnounced, WeighedForm } from '../weighed-form.ts';
import { parseArchiveInfo } from './archive-info.ts';
import type { Version } from './capture-fields.ts';
import { captureUpload } from './capture-upload.ts';
import { toNewCall } from './map.ts';

const infoBytesMax = 1024 * 1024;
/** What a form may weigh beside its recording: the info part, boundaries, headers, parts that nobody reads. */
const formBytesMax = 4 * 1024 * 1024;
const unlabelled = 'application/octet-stream';

/**
 * `POST /callCapture/v1/archive` and `POST /capture/v2/call`: a form with the parts `info` (JSON) and `data` (the audio,
 * opaque), in either order.
 *
 * 200 with the call's id once it is archived, and the same id when the same call with the same content comes again, in
 * the words of either. Of anything else, a form cut off in the middle included, nothing stays.
 */
export function addArchive(app: FastifyInstance, engine: Engine): void {
  app.post('/callCapture/v1/archive', async (request) => ({ callId: await captureForm(engine, request, 'v1') }));
  app.post('/capture/v2/call', async (request) => ({ id: await captureForm(engine, request, 'v2') }));
}

async function captureForm(engine: Engine, request: FastifyRequest, version: Version): Promise<string> {
  const { callId } = await captureUpload(engine, callerOf(request), async (upload) => {
    refuseAnnounced(request.headers['content-length'], engine.limits.uploadBytesMax + formBytesMax);
    await receive(request, upload, version);
  });
  return callId;
}

async function receive(request: FastifyRequest, upload: Upload, version: Version): Promise<void> {
  let hasInfo = false;
  let hasData = false;
  const form = new WeighedForm(bodyOf(request), formBytesMax);
  for await (const part of readMultipart(form, request.headers['content-type'])) {
    switch (lowerAscii(part.name)) {
      case 'info':
        if (hasInfo) throw invalidField('The part info', 'is repeated');
        hasInfo = true;
        await upload.describe(toNewCall(parseArchiveInfo(await readInfo(part), version)));
        break;
      case 'data':
        if (hasData) throw invalidField('The part data', 'is repeated');
        hasData = true;
        await upload.storeRecording(form.recordingIn(part), { contentType: part.contentType ?? unlabelled });
        break;
      default:
      // Parts of other names are skipped.
    }
  }
  if (!hasInfo) throw invalidField('The part info', 'is missing');
  if (!hasData) throw invalidField('The part data', 'is missing');
}

async function readInfo(part: Part): Promise<unknown> {
  return parseJson(await collect(part.body, infoBytesMax, 'The part info'), 'info');
}
