import { randomUUID } from 'node:crypto';
import type { TestApp } from './harness.ts';

/** An answer of the native API, its body parsed where it is JSON. */
export type NativeAnswer = {
  status: number;
  headers: Record<string, unknown>;
  // Whatever the server says: the tests state what it must be.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  body: any;
  text: string;
};

/** What a program of a customer's does with the native API, without a network between. */
export class PlanClient {
  readonly #app: TestApp;
  readonly #token: string;

  constructor(app: TestApp, token: string) {
    this.#app = app;
    this.#token = token;
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<NativeAnswer> {
    return await this.send('GET', url, undefined, headers);
  }

  async post(url: string, body?: unknown, headers: Record<string, string> = {}): Promise<NativeAnswer> {
    return await this.send('POST', url, body, headers);
  }

  async send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<NativeAnswer> {
    const isText = typeof body === 'string';
    const answer = await this.#app.http.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && !isText && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: isText ? body : JSON.stringify(body) }),
    });
    const text = answer.body;
    const isJson = String(answer.headers['content-type'] ?? '').includes('json');
    return { status: answer.statusCode, headers: answer.headers, body: isJson ? JSON.parse(text) : undefined, text };
  }

  /** Archives a call without a recording; returns its id. */
  async archive(
    call: { phone?: string; email?: string; sessionId?: string; externalId?: string } = {},
  ): Promise<string> {
    const { phone, email, ...ids } = call;
    const participants = [{ role: 'customer', ...(phone && { phone }), ...(email && { email }) }];
    const said = { startedAt: '2026-03-01T10:00:00Z', participants, ...ids };
    const { status, body, text } = await this.post('/v1/calls', said);
    if (status !== 201) throw new Error(`archiving was answered ${status}: ${text}`);
    return body.id;
  }

  async plan(
    subject: Record<string, readonly string[]>,
    options: { action?: string; keepRecording?: boolean; key?: string } = {},
  ): Promise<NativeAnswer> {
    const { action = 'purge', keepRecording, key } = options;
    const said = { action, subject, ...(keepRecording !== undefined && { keepRecording }) };
    return await this.post('/v1/erasures', said, key === undefined ? {} : { 'idempotency-key': key });
  }

  /** Executes a plan and waits until it has ended. */
  async execute(plan: { id: string; digest: string }, { wait = 30 } = {}): Promise<NativeAnswer> {
    return await this.post(`/v1/erasures/${plan.id}/execute?wait=${wait}`, { digest: plan.digest });
  }
}

/** A key that nobody has used. */
export function freshKey(): string {
  return randomUUID();
}
