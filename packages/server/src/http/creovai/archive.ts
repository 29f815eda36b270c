import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Upload } from '../../engine/archive/upload.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf } from '../bearer.ts';
import { invalidField, lowerAscii } from '../json-in.ts';
import { parseJson } from '../json-text.ts';
import { type Part, readMultipart } from '../multipart.ts';
import { bodyOf, collect } from '../request-body.ts';
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
    refuseAnnounced(request, engine.limits.uploadBytesMax);
    await receive(request, upload, version);
  });
  return callId;
}

/** Spares a client the sending of what will be refused. */
function refuseAnnounced(request: FastifyRequest, recordingBytesMax: number): void {
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  if (announcedBytes > recordingBytesMax + formBytesMax) throw new AppError('upload_too_large');
}

async function receive(request: FastifyRequest, upload: Upload, version: Version): Promise<void> {
  let hasInfo = false;
  let hasData = false;
  const form = new WeighedForm(bodyOf(request));
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

/**
 * The bytes of a form, weighed as they come. Throws `upload_too_large` when what is no recording (parts that nobody reads,
 * a preamble, an epilogue) weighs more than `formBytesMax`, by no more than one chunk.
 */
class WeighedForm implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  /** Bytes that have come, less those of the recording. */
  #otherBytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.#otherBytes += chunk.length;
      yield chunk;
      // Asked for more, the form's reader has passed on what of this chunk belongs to the recording.
      if (this.#otherBytes > formBytesMax) {
        const message = `The form is larger than ${formBytesMax / 1024} KiB without its recording`;
        throw new AppError('upload_too_large', { message });
      }
    }
  }

  /** The body of the part that is the recording, which has a limit of its own. */
  async *recordingIn(part: Part): AsyncGenerator<Uint8Array> {
    for await (const chunk of part.body) {
      this.#otherBytes -= chunk.length;
      yield chunk;
    }
  }
}
