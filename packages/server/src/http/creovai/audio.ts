import type { FastifyInstance } from 'fastify';
import { type OpenedRecording, openRecording } from '../../engine/calls/read-recording.ts';
import type { Engine } from '../../engine/context.ts';
import { AppError } from '../../model/errors.ts';
import { callerOf } from '../bearer.ts';
import { lowerAscii } from '../json-in.ts';
import { serveRecording } from '../serve-recording.ts';

/** The registered media type of MPEG audio (RFC 3003), and what else is in use for it. */
const mediaTypes: ReadonlySet<string> = new Set([
  'audio/mpeg',
  'audio/mp3',
  'audio/mpeg3',
  'audio/x-mpeg-3',
  'audio/x-mp3',
  'audio/x-mpeg',
]);
/** `audio.format` may be a word of the vendor's; unmapped media types are sent as the format verbatim. */
const formats: ReadonlySet<string> = new Set(['mp3', 'mpeg', ...mediaTypes]);

/**
 * `GET /interactions/v2/{id}/audio.mp3`, whole or one range: the bytes as they were archived, where their client declared
 * them as MPEG audio. Nothing is converted, and nothing is guessed from the bytes.
 *
 * 404 for any other type, for a call without a recording, and for one that is unknown, another tenant's or erased.
 */
export function addAudio(app: FastifyInstance, engine: Engine): void {
  app.route<{ Params: { id: string } }>({
    method: ['GET', 'HEAD'],
    url: '/interactions/v2/:id/audio.mp3',
    handler: async (request, reply) => {
      const recording = await openRecording(engine, callerOf(request), request.params.id);
      if (!isDeclaredMpeg(recording)) {
        await recording.close();
        const message = 'The recording was not archived as MPEG audio';
        throw new AppError('recording_not_found', { message });
      }
      return await serveRecording(engine, request, reply, recording, {
        contentType: 'audio/mpeg',
        noSuchBytes: () => ({ message: 'The recording has no such bytes' }),
      });
    },
  });
}

/**
 * True for audio that was archived as MPEG: by the format that its client named or, where it named none, by the media type
 * of its bytes. Case and parameters do not count.
 */
export function isDeclaredMpeg({ format, contentType }: Pick<OpenedRecording, 'format' | 'contentType'>): boolean {
  const isNamed = format !== null && format.trim() !== '';
  return isNamed ? formats.has(essenceOf(format)) : mediaTypes.has(essenceOf(contentType));
}

/** A media type without its parameters (RFC 9110, section 8.3.1), in lower case. */
function essenceOf(type: string): string {
  const [essence = ''] = type.split(';');
  return lowerAscii(essence.trim());
}
