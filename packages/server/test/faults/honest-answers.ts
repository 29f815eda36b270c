/** What an answer must look like while something that the server stands on is broken. */
import { expect } from 'vitest';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { dataPart, formOf, formType, infoPart } from '../support/creovai-forms.ts';
import type { TestApp } from '../support/harness.ts';

/** An answer as it came over the wire. */
export type Answer = { status: number; headers: Headers; body: string };

/** A client on real HTTP that keeps whole answers. */
export class PlainClient {
  readonly #url: string;
  #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  static async of(app: TestApp): Promise<PlainClient> {
    return new PlainClient(await app.listen(), await app.token());
  }

  /** Takes another token, for tests that set the clock forward. */
  async renew(app: TestApp): Promise<void> {
    const asked = { clientId: app.client.clientId, secret: app.client.clientSecret, address: '127.0.0.1' };
    this.#token = (await issueToken(app.engine, asked)).token;
  }

  async get(path: string): Promise<Answer> {
    return await this.#ask(path, {});
  }

  async post(path: string, body: object): Promise<Answer> {
    return await this.#ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async archive(sessionId: string, phoneNumber: string, audio: Buffer): Promise<Answer> {
    const info = { sessionId, startTime: '2026-01-02T03:04:05Z', contacts: [{ type: 'Customer', phoneNumber }] };
    const body = formOf([infoPart(info), dataPart(audio)]);
    return await this.#ask('/callCapture/v1/archive', { method: 'POST', headers: { 'content-type': formType }, body });
  }

  /** Asks for a token with these credentials, at `/Token` or `/v1/token`. */
  async login(path: string, client: { clientId: string; clientSecret: string }): Promise<Answer> {
    const form = { grant_type: 'client_credentials', client_id: client.clientId, client_secret: client.clientSecret };
    return await this.#ask(path, { method: 'POST', body: new URLSearchParams(form) });
  }

  /** A Creovai session's status word. */
  async statusOf(session: string): Promise<string | undefined> {
    const { status, body } = await this.post('/callCapture/v1/status', { callSessionIds: [session] });
    expect(status, body).toBe(200);
    return (JSON.parse(body) as { callSessions: { status: string }[] }).callSessions[0]?.status;
  }

  async #ask(path: string, asked: RequestInit): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.#token}`, ...asked.headers };
    const answer = await fetch(`${this.#url}${path}`, { ...asked, headers });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  }
}

/** The answer says "try again", when, and nothing of our insides; in the form of the surface it came from. */
export function expectTryLater(answer: Answer, form: 'creovai' | 'native' | 'oauth'): void {
  expect(answer.status, answer.body).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  const text = expect.any(String);
  const forms = {
    creovai: { message: text },
    native: { type: expect.stringMatching(/^urn:tacet:error:[a-z_]+$/), title: text, status: 503, code: text },
    oauth: { error: 'temporarily_unavailable' },
  };
  expect(body).toEqual(forms[form]);
  const type = form === 'native' ? 'application/problem+json' : 'application/json; charset=utf-8';
  expect(answer.headers.get('content-type')).toBe(type);
  expectNoInsides(answer.body);
}

/** No path, no stack, no word of the database or the system. */
function expectNoInsides(text: string): void {
  expect(text).not.toMatch(/\/tmp|\/home|node_modules|\.ts\b|\bat [\w.]+ \(|SQLITE|\bE[A-Z]{4,}\b|errno|syscall/);
}
