import { Type } from 'typebox';
import { readTranscript } from '../../../engine/calls/read-transcript.ts';
import { operation } from '../operation.ts';
import { strict, TimeOrNull, timeOrNull } from '../shapes.ts';

const TextOrNull = Type.Union([Type.String(), Type.Null()]);
const MsOrNull = Type.Union([Type.Number(), Type.Null()], { description: 'In ms since the start of the recording' });

const TurnShape = Type.Object(
  {
    text: Type.String(),
    role: TextOrNull,
    participant: Type.Union([Type.Integer(), Type.Null()], {
      description: 'The place among the participants of the call, from 0',
    }),
    at: TimeOrNull,
    startMs: MsOrNull,
    endMs: MsOrNull,
    extra: Type.Record(Type.String(), Type.Unknown(), { description: 'What else its platform said of it' }),
  },
  { ...strict, title: 'Turn' },
);

/** `GET /v1/calls/{id}/transcript`. */
export const getTranscript = operation({
  id: 'getTranscript',
  method: 'GET',
  path: '/calls/:id/transcript',
  tag: 'Calls',
  summary: 'Read the transcript of a call',
  description:
    'In the order in which its platform gave it. A call that is unknown, erased or being erased answers like one without a ' +
    'transcript.',
  scopes: ['calls:read'],
  answers: { 200: { description: 'The transcript', content: Type.Object({ turns: Type.Array(TurnShape) }, strict) } },
  errors: ['transcript_not_found'],
  async handle({ engine, caller, id }) {
    const { turns } = await readTranscript(engine, caller, id);
    return {
      status: 200,
      body: {
        turns: turns.map(({ text, role, participant, at, startMs, endMs, extra }) => {
          return { text, role, participant, at: timeOrNull(at), startMs, endMs, extra };
        }),
      },
    };
  },
});
