import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callInfo } from '../support/creovai-forms.ts';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { type SampleAudio, sampleAudio } from './sample-audio.ts';
import { cppForm, cppUpload, dotNetForm, formRequest } from './sdk.ts';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let wire: CreovaiWire;

beforeAll(async () => {
  stage = await startStage();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(stage.app);
});
afterAll(async () => await stage.close());

const v1 = '/callCapture/v1/archive';
const v2 = '/capture/v2/call';

/** The same call in the words of either version. */
const infos = {
  v1: (format: string) => callInfo('audio', { audio: { format } }),
  v2: (format: string) => ({
    sessionId: 'audio',
    utcStart: '2024-03-01T10:00:00Z',
    participants: [{ type: 'Customer', channel: 1, phoneNumber: '+15125550142' }],
    audio: { format },
  }),
};

type Answer = { status: number; text: string };
type Way = { way: string; labels?: string; upload: (audio: SampleAudio) => Promise<Answer> };

async function sent(origin: string, request: Buffer): Promise<Answer> {
  const { status, body } = await sendRaw(origin, request);
  return { status, text: body.toString() };
}

async function downloaded(path: string) {
  return await sendRaw(stage.origins.main, rawRequest(`GET ${path}`, [`Authorization: Bearer ${wire.token}`]));
}

/** As a browser does: a form of blobs, its boundary and length chosen by the platform. */
async function fetched(path: string, info: object, { type, bytes }: SampleAudio): Promise<Answer> {
  const form = new FormData();
  form.append('info', new Blob([JSON.stringify(info)], { type: 'application/json' }));
  form.append('data', new Blob([bytes], { type }), 'recording.bin');
  const headers = { authorization: `Bearer ${wire.token}` };
  const answer = await fetch(`${stage.origins.main}${path}`, { method: 'POST', headers, body: form });
  return { status: answer.status, text: await answer.text() };
}

const ways: readonly Way[] = [
  { way: 'a browser, version 1', upload: async (audio) => await fetched(v1, infos.v1(audio.format), audio) },
  { way: 'a browser, version 2', upload: async (audio) => await fetched(v2, infos.v2(audio.format), audio) },
  {
    way: 'the .NET client of version 1',
    upload: async ({ format, type, bytes }) => {
      const types = { infoType: 'application/json; charset=utf-8', audioType: type };
      const form = dotNetForm(infos.v1(format), bytes, types);
      return await sent(stage.origins.main, formRequest(v1, wire.token, form));
    },
  },
  {
    way: 'the .NET client of version 2',
    upload: async ({ format, type, bytes }) => {
      const form = dotNetForm(infos.v2(format), bytes, { audioType: type });
      return await sent(stage.origins.main, formRequest(v2, wire.token, form));
    },
  },
  {
    way: 'the C++ client, over TLS',
    labels: 'audio/wav',
    upload: async ({ format, bytes }) =>
      await sent(stage.origins.lenient, cppUpload(v1, wire.token, cppForm(infos.v1(format), bytes))),
  },
];

describe.each(ways)('a recording from $way comes back bit for bit', ({ labels, upload }) => {
  test.each(sampleAudio)('$type as $format', async (audio) => {
    const { status, text } = await upload(audio);
    expect(status, text).toBe(200);
    const { callId, id = callId } = JSON.parse(text) as { callId?: string; id?: string };

    const native = await downloaded(`/v1/calls/${id}/recording`);
    expect([native.status, native.headers.get('content-type')]).toEqual([200, labels ?? audio.type]);
    expect(native.body.equals(audio.bytes)).toBe(true);

    const asMp3 = await downloaded(`/interactions/v2/${id}/audio.mp3`);
    if (['mp3', 'audio/mpeg'].includes(audio.format)) {
      expect([asMp3.status, asMp3.headers.get('content-type')]).toEqual([200, 'audio/mpeg']);
      expect(asMp3.body.equals(audio.bytes)).toBe(true);
    } else {
      expect(asMp3.status).toBe(404);
    }
  });
});
