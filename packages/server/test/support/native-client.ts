/** A platform that archives through the native API, as its engineers would write it. */
import { expect } from 'vitest';
import { formOf, formType, type TestPart } from './creovai-forms.ts';
import type { TestApp } from './harness.ts';

export const startedAt = '2026-01-02T03:04:05Z';

export type NativeAnswer = {
  status: number;
  headers: Record<string, unknown>;
  /** Parsed; undefined where there is none. */
  body: Record<string, unknown> | undefined;
  text: string;
};

export type Sending = {
  /** Default: none. */
  recording?: Buffer;
  /** Of the recording; default `audio/wav`. */
  type?: string;
  /** True: the recording comes before the description. */
  isRecordingFirst?: boolean;
  /** `Idempotency-Key`. */
  key?: string;
};

export class NativeClient {
  readonly #app: TestApp;
  readonly #token: string;

  constructor(app: TestApp, token: string) {
    this.#app = app;
    this.#token = token;
  }

  /** Sends a call as a form. */
  async archive(call: object, sending: Sending = {}): Promise<NativeAnswer> {
    const parts = [callPart(call)];
    if (sending.recording !== undefined) parts.push(recordingPart(sending.recording, sending.type));
    if (sending.isRecordingFirst) parts.reverse();
    return await this.form(parts, sending.key);
  }

  /** The id of a call that is taken. */
  async archived(call: object, sending: Sending = {}): Promise<string> {
    const answer = await this.archive(call, sending);
    expect(answer.status, answer.text).toBe(201);
    return String(answer.body?.['id']);
  }

  async form(parts: readonly TestPart[], key?: string): Promise<NativeAnswer> {
    const headers = { 'content-type': formType, ...(key !== undefined && { 'idempotency-key': key }) };
    return await this.send('POST', '/v1/calls', formOf(parts), headers);
  }

  /** Sends a call as JSON alone. */
  async archiveJson(call: unknown, headers: Record<string, string> = {}): Promise<NativeAnswer> {
    const payload = typeof call === 'string' ? call : JSON.stringify(call);
    return await this.send('POST', '/v1/calls', payload, { 'content-type': 'application/json', ...headers });
  }

  async putRecording(id: string, bytes: Buffer, type = 'audio/wav'): Promise<NativeAnswer> {
    return await this.send('PUT', `/v1/calls/${id}/recording`, bytes, { 'content-type': type });
  }

  async patch(id: string, change: unknown): Promise<NativeAnswer> {
    const headers = { 'content-type': 'application/json' };
    return await this.send('PATCH', `/v1/calls/${id}`, JSON.stringify(change), headers);
  }

  /** The recording's bytes; undefined where there are none. */
  async recording(id: string): Promise<{ bytes: Buffer; type: unknown } | undefined> {
    const url = `/v1/calls/${id}/recording`;
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await this.#app.http.inject({ method: 'GET', url, headers });
    return answer.statusCode === 200 ? { bytes: answer.rawPayload, type: answer.headers['content-type'] } : undefined;
  }

  /** Asks any route as this client. */
  async send(
    method: 'POST' | 'PUT' | 'PATCH' | 'GET',
    url: string,
    payload: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<NativeAnswer> {
    const authorization = `Bearer ${this.#token}`;
    const answer = await this.#app.http.inject({ method, url, headers: { authorization, ...headers }, payload });
    const isJson = String(answer.headers['content-type']).includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: isJson ? answer.json<Record<string, unknown>>() : undefined,
      text: answer.body,
    };
  }
}

export function callPart(call: unknown): TestPart {
  const headers = ['Content-Disposition: form-data; name="call"', 'Content-Type: application/json'];
  return { headers, body: typeof call === 'string' ? call : JSON.stringify(call) };
}

export function recordingPart(bytes: Buffer, type = 'audio/wav'): TestPart {
  const headers = ['Content-Disposition: form-data; name="recording"; filename="a.wav"', `Content-Type: ${type}`];
  return { headers, body: bytes };
}

/** A refusal as problem details (RFC 9457), and nothing else. */
export function expectProblem(answer: NativeAnswer, status: number, code: string, detail?: string | RegExp): void {
  expect(answer.headers['content-type'], answer.text).toBe('application/problem+json');
  expect(answer.body).toMatchObject({ type: `urn:tacet:error:${code}`, status, code });
  expect(answer.status).toBe(status);
  if (typeof detail === 'string') expect(answer.body?.['detail']).toBe(detail);
  if (detail instanceof RegExp) expect(answer.body?.['detail']).toMatch(detail);
}
