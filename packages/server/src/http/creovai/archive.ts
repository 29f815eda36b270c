import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Upload } from '../../engine/archive/upload.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf } from '../bearer.ts';
import { asAppError } from '../failure.ts';
import { type Part, readMultipart } from '../multipart.ts';
import { bodyOf, collect } from '../request-body.ts';
import { type CreovaiCall, parseArchiveInfo } from './archive-info.ts';
import { invalidField, lowerAscii, parseJson } from './json-in.ts';
import { toNewCall } from './map.ts';

const infoBytesMax = 1024 * 1024;
/** What a form may weigh beside its recording: the info part, boundaries, headers, parts that nobody reads. */
const formBytesMax = 4 * 1024 * 1024;
const unlabelled = 'application/octet-stream';

/**
 * `POST /callCapture/v1/archive`: a form with the parts `info` (JSON) and `data` (the audio, opaque), in either order.
 *
 * 200 with the call's id once it is archived, and the same id when the same call with the same content comes again. Of
 * anything else, a form cut off in the middle included, nothing stays.
 */
export function addArchive(app: FastifyInstance, engine: Engine): void {
  app.post('/callCapture/v1/archive', async (request) => {
    const upload = new Upload(engine, callerOf(request));
    try {
      refuseAnnounced(request, engine.limits.uploadBytesMax);
      await receive(request, upload);
      const { callId } = await upload.finish();
      return { callId };
    } catch (error) {
      await giveUp(engine, upload, asAppError(error));
      throw error;
    }
  });
}

/** What fails here is made good when the upload's lease ends; the client must hear why its upload failed. */
async function giveUp(engine: Engine, upload: Upload, reason: AppError): Promise<void> {
  try {
    await upload.abort();
    engine.log.info('upload.given_up', { code: reason.code });
  } catch (error) {
    engine.log.warn('upload.abort_failed', { code: asAppError(error).code });
  }
}

/** Spares a client the sending of what will be refused. */
function refuseAnnounced(request: FastifyRequest, recordingBytesMax: number): void {
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  if (announcedBytes > recordingBytesMax + formBytesMax) throw new AppError('upload_too_large');
}

async function receive(request: FastifyRequest, upload: Upload): Promise<void> {
  let call: CreovaiCall | undefined;
  let hasData = false;
  for await (const part of readMultipart(bodyOf(request), request.headers['content-type'])) {
    switch (lowerAscii(part.name)) {
      case 'info':
        if (call !== undefined) throw invalidField('The part info', 'is repeated');
        call = await readInfo(part);
        await upload.describe(toNewCall(call));
        break;
      case 'data':
        if (hasData) throw invalidField('The part data', 'is repeated');
        hasData = true;
        await upload.storeRecording(part.body, { contentType: part.contentType ?? unlabelled });
        break;
      default:
      // Parts of other names are skipped.
    }
  }
  if (call === undefined) throw invalidField('The part info', 'is missing');
  if (!hasData) throw invalidField('The part data', 'is missing');
}

async function readInfo(part: Part): Promise<CreovaiCall> {
  return parseArchiveInfo(parseJson(await collect(part.body, infoBytesMax, 'The part info'), 'info'));
}
