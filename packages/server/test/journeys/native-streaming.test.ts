/** Recordings that come bit by bit over real HTTP, and descriptions of the largest kind. */
import { type ClientRequest, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stored } from '../support/capture-client.ts';
import { formOf, formType, holdings } from '../support/creovai-forms.ts';
import { callPart, NativeClient, recordingPart, startedAt } from '../support/native-client.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let client: NativeClient;
let token: string;

beforeEach(async () => {
  scene = await startScene();
  token = await scene.app.token();
  client = new NativeClient(scene.app, token);
});

afterEach(async () => await scene.end());

const sizeBytes = 8 * 1024 * 1024;
const recording = Buffer.alloc(sizeBytes, 'a long tone, ');

type Slow = { sending: ClientRequest; answer: Promise<{ status: number; id: string }> };

/** Sends the head of a request and most of its body, and waits with the rest. */
function begun(method: 'POST' | 'PUT', path: string, contentType: string, body: Buffer): Slow {
  const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
  const sending = request(`${scene.app.http.listeningOrigin}${path}`, { method, headers });
  const answer = new Promise<{ status: number; id: string }>((resolve, reject) => {
    sending.on('error', reject);
    sending.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, id: JSON.parse(text).id }));
    });
  });
  // Whoever cuts it does not wait for it.
  answer.catch(() => undefined);
  sending.write(body);
  return { sending, answer };
}

/** True when most of a recording that has not ended is on its way into the blob store. */
async function isStoring(): Promise<boolean> {
  for await (const blob of scene.app.engine.blobs.list()) {
    if (blob.unfinished && blob.sizeBytes > sizeBytes / 2) return true;
  }
  return false;
}

const rest = 1000;
const form = formOf([callPart({ startedAt, sessionId: 'slow' }), recordingPart(recording)]);

const ways = [
  ['a form', async () => begun('POST', '/v1/calls', formType, form.subarray(0, -rest)), form.subarray(-rest)],
  [
    'a recording of its own',
    async () => {
      const id = await client.archived({ startedAt, sessionId: 'slow' });
      return begun('PUT', `/v1/calls/${id}/recording`, 'audio/wav', recording.subarray(0, -rest));
    },
    recording.subarray(-rest),
  ],
] as const;

describe.each(ways)('%s', (_what, begin, end) => {
  test('is stored while it comes, so that none is ever whole in memory', async () => {
    const { sending, answer } = await begin();
    await until(isStoring);
    sending.end(end);
    const { status, id } = await answer;
    expect(status).toBe(201);
    expect((await client.recording(id))?.bytes.equals(recording)).toBe(true);
  });

  test('whose connection breaks leaves nothing of it, and is no defect of ours', async () => {
    const before = await holdings(scene.app);
    const cut = await begin();
    const since = await scene.app.engine.store.reads.calls.page('', 9);
    await until(isStoring);
    cut.sending.destroy();
    await until(async () => (await holdings(scene.app)).blobs.length === 0);
    await until(async () => {
      const calls = await scene.app.engine.store.reads.calls.page('', 9);
      return calls.every(({ status }) => status === 'complete');
    });
    const complete = since.filter(({ status }) => status === 'complete').map(({ id }) => id);
    const after = await holdings(scene.app);
    expect(after.calls.map(({ id }) => id)).toEqual(complete);
    expect(after.blobs).toEqual(before.blobs);
    expect(scene.app.logged.filter((line) => line.includes('http.failed'))).toEqual([]);
  });
});

test('a call of ten thousand turns and a thousand people is archived whole, and found by each of them', async () => {
  const transcript = Array.from({ length: 10_000 }, (_, i) => ({
    role: 'bot',
    text: `turn ${i}`,
    startMs: i,
    endMs: i + 1,
  }));
  const participants = Array.from({ length: 1000 }, (_, i) => ({
    role: 'customer',
    phone: `+1512555${String(i).padStart(4, '0')}`,
    email: `${i}@example.com`,
    name: `Person ${i}`,
  }));
  const id = await client.archived({ startedAt, participants, transcript });
  expect(await stored(scene.app, id, 'details')).toMatchObject({ participants });
  const turns = (await stored(scene.app, id, 'transcript'))?.['turns'];
  expect(turns).toHaveLength(10_000);
  const tokens = await scene.app.engine.store.reads.tokens.ofOwner(id);
  expect(tokens.filter(({ kind }) => kind === 'email')).toHaveLength(1000);
});
