import { expect } from 'vitest';
import { callArtifactKinds } from '../../src/model/call.ts';
import type { TestApp } from './harness.ts';

/** A call as the vendor's document describes it; every value is made up. */
export function callInfo(sessionId: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sessionId,
    direction: 'Inbound',
    startTime: '2024-03-01T10:00:00.000Z',
    endTime: '2024-03-01T10:02:30.000Z',
    contacts: [
      { type: 'agent', firstName: 'Avery', channel: 1, phoneNumber: '+15125550100' },
      { type: 'Customer', firstName: 'Casey', channel: 2, phoneNumber: '+15125550142' },
    ],
    numberDialed: '+15125550199',
    audio: { format: 'wav' },
    metadata: { queue: 'billing' },
    ...change,
  };
}

/** Bytes that no text decoder leaves alone: every value, CRLF and a lonely delimiter-like line among them. */
export const audio = Buffer.concat([
  Buffer.from('RIFF'),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from('\r\n--not-the-boundary\r\n\r\n\0'),
]);

const boundary = 'b0undary';
export const formType = `multipart/form-data; boundary="${boundary}"`;

export type TestPart = { headers: readonly string[]; body: string | Buffer };

/** A form of parts, down to the byte. */
export function formOf(parts: readonly TestPart[]): Buffer {
  const pieces = parts.map(({ headers, body }) =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`),
      typeof body === 'string' ? Buffer.from(body) : body,
      Buffer.from('\r\n'),
    ]),
  );
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

export function infoPart(info: unknown): TestPart {
  const headers = ['Content-Disposition: form-data; name="info"', 'Content-Type: application/json; charset=utf-8'];
  return { headers, body: typeof info === 'string' ? info : JSON.stringify(info) };
}

export function dataPart(bytes: Buffer = audio, type = 'audio/wav'): TestPart {
  return {
    headers: ['Content-Disposition: form-data; name="data"; filename="call.wav"', `Content-Type: ${type}`],
    body: bytes,
  };
}

/** Sends a form to the archive and answers whatever comes back. */
export async function sendForm(app: TestApp, token: string, body: Buffer, type: string = formType) {
  return await app.http.inject({
    method: 'POST',
    url: '/callCapture/v1/archive',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    payload: body,
  });
}

/** Archives a call and gives its id. */
export async function archiveCall(
  app: TestApp,
  token: string,
  info: Record<string, unknown>,
  bytes: Buffer = audio,
  type = 'audio/wav',
): Promise<string> {
  const answer = await sendForm(app, token, formOf([infoPart(info), dataPart(bytes, type)]));
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<{ callId: string }>().callId;
}

/** Posts JSON (or text as it stands) and answers whatever comes back. */
export async function post(app: TestApp, token: string | undefined, url: string, body: unknown) {
  return await app.http.inject({
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
}

const kinds: readonly string[] = callArtifactKinds;

/** What the archive holds of calls, as one value to compare before and after. */
export async function holdings(app: TestApp) {
  const { reads } = app.engine.store;
  const blobs: string[] = [];
  for await (const { name, unfinished } of app.engine.blobs.list())
    blobs.push(unfinished ? `${name} (unfinished)` : name);
  const calls = await reads.calls.page('', 1000);
  const tokens = await reads.tokens.page(undefined, 1000);
  const erasures = await reads.erasures.page('', 1000);
  const artifacts = await reads.artifacts.page(0, 1000);
  return {
    blobs: blobs.sort(),
    calls: calls.map(({ id, status, isUploadDoomed }) => ({ id, status, isUploadDoomed })),
    tokens: tokens.map(({ ownerId }) => ownerId).sort(),
    artifacts: artifacts.filter(({ kind }) => kinds.includes(kind)).map(({ slot }) => slot),
    erasures: erasures.map(({ id }) => id),
  };
}
