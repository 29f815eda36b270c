/** A platform whose every word is marked: none of them is to be found in anything that is written or answered. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/harness.ts';
import { marks } from '../support/marks.ts';
import { callPart, NativeClient, recordingPart, startedAt } from '../support/native-client.ts';
import { expectFilesUnmarked, expectUnmarked } from '../support/raw-search.ts';

let app: TestApp;
let client: NativeClient;
let callId: string;
/** Texts and headers of every refusal. */
const refusals: string[] = [];

const { badInput, phone } = marks;
const audio = Buffer.from(marks.audio.repeat(50));
const said = {
  startedAt,
  sessionId: marks.session,
  externalId: marks.reference,
  participants: [{ role: 'customer', phone: `+1${phone}`, email: marks.email, name: marks.firstName }],
  ownNumber: marks.dialled,
  botName: marks.sender,
  responder: marks.broker,
  variables: { [marks.metadataKey]: marks.metadata },
  results: [marks.deepValue],
  dialogResult: marks.message,
  redirect: { [marks.deepKey]: marks.lastName },
  transcript: [{ role: marks.extra, text: marks.transcript }],
  callbackData: { [marks.eventKey]: marks.customEvent },
  logLink: `https://example.com/${marks.case}`,
  metadata: { [marks.metadataKey]: marks.metadata },
};

beforeAll(async () => {
  app = await startApp({ env: { TACET_BACKUP_HORIZON: '0' } });
  client = new NativeClient(app, await app.token());
  callId = await client.archived(said, { recording: audio, type: marks.format, key: marks.master });
  await client.archived(said, { recording: audio, type: marks.format, key: marks.master });
  await refuseAll();
});
afterAll(async () => await app.close());

async function refuse(answer: ReturnType<NativeClient['send']>, ...statuses: readonly number[]): Promise<void> {
  const { status, text, headers } = await answer;
  expect(statuses, text).toContain(status);
  refusals.push(text, JSON.stringify(headers));
}

async function refuseAll(): Promise<void> {
  await refuse(client.archive({ ...said, price: 1 }, { recording: audio, key: marks.master }), 422);
  for (const field of Object.keys(said)) {
    await refuse(client.archiveJson({ startedAt, [field]: [{ [badInput]: badInput }, badInput] }), 201, 400);
    await refuse(client.patch(callId, { [field]: [{ [badInput]: badInput }, badInput] }), 200, 400);
  }
  await refuse(client.archiveJson({ startedAt, [badInput]: 1, kind: badInput, botId: badInput }), 400);
  await refuse(client.archiveJson(`{"startedAt": "${badInput}`), 400);
  await refuse(client.archiveJson({ startedAt: badInput }), 400);
  await refuse(client.archiveJson({ startedAt, candidateId: badInput, taskId: badInput }), 400);
  await refuse(client.archiveJson({ startedAt }, { 'idempotency-key': `${badInput} ${badInput}` }), 400);
  await refuse(client.archiveJson({ startedAt }, { 'content-type': `text/${badInput}` }), 400, 415);
  const odd = { headers: [`Content-Disposition: form-data; name="${badInput}"`], body: badInput };
  await refuse(client.form([callPart(said), odd]), 400);
  await refuse(client.form([recordingPart(audio), callPart({ ...said, price: 1 })]), 409);
  await refuse(client.putRecording(callId, Buffer.from(badInput), `audio/${marks.format}`), 409);
  await refuse(client.putRecording(badInput, audio), 404);
  await refuse(client.patch(badInput, { results: badInput }), 404);
}

test('in no refusal, and in no log line', () => {
  expect(refusals.length).toBeGreaterThan(50);
  expectUnmarked('refusals', refusals.join('\n'));
  expectUnmarked('log', app.logged.join('\n'));
});

test('in no file: database, write-ahead log, recordings and vault', () => expectFilesUnmarked(app.folder));

test('though all of it was there to be lost', async () => {
  expect((await client.recording(callId))?.bytes.equals(audio)).toBe(true);
});
