import { openRecording } from '../../../engine/calls/read-recording.ts';
import { safeMediaType } from '../../media-type.ts';
import { serveRecording } from '../../serve-recording.ts';
import { problemPayload } from '../errors.ts';
import { operation } from '../operation.ts';

/** `GET` and `HEAD /v1/calls/{id}/recording`. */
export const getRecording = operation({
  id: 'getRecording',
  method: 'GET',
  path: '/calls/:id/recording',
  tag: 'Calls',
  summary: 'Download the recording of a call',
  description:
    'The bytes and the type that were archived, whole or one range of them. A call that is unknown, erased or being erased ' +
    'answers like one without a recording. A download that an erasure overtakes is cut: its connection breaks before the ' +
    'announced length is reached.',
  scopes: ['calls:read'],
  hasHead: true,
  answers: {
    200: { description: 'The recording', content: { media: '*/*' } },
    206: { description: 'The range that was asked for', content: { media: '*/*' } },
    416: { description: 'The recording has no such bytes', content: { media: 'application/problem+json' } },
  },
  errors: ['recording_not_found'],
  async handle({ engine, caller, id, request, reply }) {
    const recording = await openRecording(engine, caller, id);
    const body = await serveRecording(engine, request, reply, recording, {
      contentType: safeMediaType(recording.contentType),
      noSuchBytes: () => {
        const title = 'The recording has no such bytes';
        const code = 'range_not_satisfiable';
        return problemPayload(reply, { type: `urn:tacet:error:${code}`, title, status: 416, code });
      },
    });
    void reply.send(body);
    return undefined;
  },
});
