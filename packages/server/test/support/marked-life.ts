/** A whole life of an archive at the hands of a client whose every word is marked. */
import { Upload } from '../../src/engine/archive/upload.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { releaseHold } from '../../src/engine/holds/release-hold.ts';
import { archive, audio, type LifeCall, newCallOf } from '../crash/life.ts';
import { untilQuiet } from '../crash/quiet.ts';
import type { TestApp } from './harness.ts';
import { marks } from './marks.ts';
import { spokenOnce } from './spoken.ts';
import type { VendorClient } from './vendor-client.ts';

/** Archive, previews, holds, erasures of each kind, refusals of each kind, over real HTTP where there is a route. */
export async function liveMarked(app: TestApp, client: VendorClient): Promise<void> {
  const upload = async (session: string, phone: string, change: object = {}) =>
    await uploadMarked(client, session, phone, change);
  const callId = await upload(marks.session, `+1${marks.phone}`);
  const keptId = await upload(marks.keptSession, `+1${marks.otherPhone}`);
  await upload(marks.session, `+1${marks.phone}`);
  await spoken(app, `${marks.session}-spoken`);
  await badInputs(app, client, callId);
  const hold = { callIds: [], from: null, to: null, reviewAt: null, reason: marks.holdReason };
  const identifiers = [
    { kind: 'phone', value: marks.phone },
    { kind: 'email', value: marks.email },
  ] as const;
  const placed = await placeHold(app.engine, app.caller(), { ...hold, identifiers });
  await client.post('/purge/v1/calls/sessions', { ids: [marks.session, marks.badInput] });
  await releaseHold(app.engine, app.caller(), placed.id);
  await placeHold(app.engine, app.caller(), { ...hold, callIds: [keptId], identifiers: [] });
  await client.post('/purge/v1/calls/customer?whatIf=true', { phoneNumber: `(512) 555-9147` });
  await client.post('/purge/v1/calls/customer', { phoneNumber: `+1 ${marks.phone}` });
  const third = await upload(`${marks.session}-3`, `+1${marks.phone}`);
  const asked = { action: 'depersonalize', keepRecording: true, callIds: [third] } as const;
  await (await eraseNow(app.engine, app.caller(), asked))?.ended;
  await client.post('/purge/v1/calls', { ids: [callId, marks.badInput] });
  await untilQuiet(app.engine);
  await app.engine.epochs.turn(app.tenant.id);
  await upload(marks.session, `+1${marks.phone}`);
  await client.post('/callCapture/v1/status', { callSessionIds: [marks.session, marks.keptSession] });
}

async function badInputs(app: TestApp, client: VendorClient, callId: string): Promise<void> {
  await badLogins(app, client);
  const { badInput, phone, otherPhone } = marks;
  for (const path of ['/purge/v1/calls', '/interactions/v2/purge', '/capture/v2/status/exclude', '/chatCapture/v1']) {
    await client.post(path, `{"ids": ["${badInput}`);
    await client.post(path, { ids: badInput, sessionIds: badInput, sessionId: [badInput] });
    await client.post(path, {
      ids: [{ [badInput]: 1 }],
      sessionIds: [{ [badInput]: 1 }],
      sessionId: { [badInput]: 1 },
    });
  }
  await client.post(`/purge/v1/calls/customer?whatIf=${badInput}`, { phoneNumber: phone });
  await client.post('/purge/v1/calls/customer', { phoneNumber: marks.firstName });
  await client.post('/interactions/v2/purge/customer', { phoneNumbers: [''], emails: [marks.email] });
  await client.post('/capture/v2/outofband/master', { masterId: marks.master, eventTime: badInput, metadata: {} });
  await client.post('/callCapture/v1/monitor', { status: badInput, name: marks.broker });
  await client.post('/callShare/v1/token', { callId: badInput, email: marks.guest });
  await client.post('/callShare/v1/token', { callId, email: badInput });
  await client.get(`/interactions/v2/${badInput}`);
  await client.get(`/interactions/v2/${badInput}/audio.mp3?phone=${phone}`);
  await client.get(`/capture/v2/status/${badInput}%00`);
  await client.get(`/share/${badInput}`);
  await client.post(`/${badInput}/${phone}`, {});
  await client.post(`/v1/calls/${badInput}/recording?phone=${phone}`, {});
  await client.get(`/v1/calls/${badInput}/recording`);
  const range = { range: `bytes=${badInput}` };
  await client.send(`/v1/calls/${callId}/recording`, { method: 'GET', headers: range });
  await client.send('/callCapture/v1/archive', { body: badInput });
  await uploadMarked(client, badInput, phone, { startTime: badInput });
  await uploadMarked(client, badInput, phone, { direction: badInput });
  await uploadMarked(client, marks.session, `+1${otherPhone}`);
  await multipart(client, [['info', '{"sessionId": ', 'application/json']]);
  await multipart(client, [[badInput, badInput, badInput]]);
}

async function badLogins(app: TestApp, client: VendorClient): Promise<void> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const known = `client_id=${app.client.clientId}&client_secret=${marks.wrongSecret}`;
  const unknown = `client_id=${marks.wrongClient}&client_secret=x`;
  await client.send('/Token', { headers, body: `grant_type=client_credentials&${known}` });
  await client.send('/Token', { headers, body: `grant_type=client_credentials&${unknown}` });
  await client.send('/Token', { headers, body: `grant_type=${marks.badInput}&${known}` });
  const authorization = `Bearer ${marks.badToken}`;
  await client.send('/callCapture/v1/status', { headers: { authorization }, body: '{}' });
}

/** A call with a transcript, which only the engine's own verb takes. */
async function spoken({ engine, caller }: TestApp, session: string): Promise<void> {
  const call: LifeCall = { session, phone: `+1${marks.phone}`, bytes: 0, hasTranscript: true };
  await archive(engine, caller(), call);
  const transcript = spokenOnce(marks.transcript);
  const other = new Upload(engine, caller());
  const identifiers = [
    { kind: 'session', value: `${session}-2` },
    { kind: 'external', value: marks.reference },
  ] as const;
  await other.describe({ ...newCallOf(call), kind: 'call', identifiers, transcript });
  await other.storeRecording(
    (async function* () {
      yield Buffer.from(marks.audio);
    })(),
    audio,
  );
  await other.finish();
}

/** The id of an archived call; empty when it was refused. */
async function uploadMarked(client: VendorClient, session: string, phone: string, change: object = {}) {
  const contact = {
    referenceId: marks.reference,
    firstName: marks.firstName,
    lastName: marks.lastName,
    phoneNumber: phone,
    email: marks.email,
    channel: 0,
    type: 'Customer',
  };
  const info = {
    sessionId: session,
    masterCallId: marks.master,
    caseReferenceId: marks.case,
    collectionId: marks.collection,
    direction: 'Inbound',
    startTime: '2026-01-02T03:04:05Z',
    endTime: '2026-01-02T03:05:05Z',
    numberDialed: `+1${marks.dialled}`,
    contacts: [contact],
    audio: { format: marks.format },
    metadata: { [marks.metadataKey]: marks.metadata },
    ...change,
  };
  const answer = await multipart(client, [
    ['info', JSON.stringify(info), 'application/json'],
    [`data"; filename="${marks.fileName}`, marks.audio.repeat(50), 'audio/wav'],
  ]);
  const { callId = '' } = answer as { callId?: string };
  return callId;
}

async function multipart(
  client: VendorClient,
  parts: readonly (readonly [name: string, body: string, type: string])[],
) {
  const boundary = 'between';
  const lines = parts.map(
    ([name, body, type]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`,
  );
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  const answer = await client.send('/callCapture/v1/archive', {
    headers,
    body: `${lines.join('')}--${boundary}--\r\n`,
  });
  return answer.json;
}
