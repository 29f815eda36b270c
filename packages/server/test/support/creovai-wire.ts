import { expect } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { type Scope, scopes, type Tenant } from '../../src/model/tenant.ts';
import { archiveCall, callInfo } from './creovai-forms.ts';
import type { TestApp } from './harness.ts';
import { type RawAnswer, rawRequest, sendRaw } from './raw-http.ts';

export type WireAnswer = RawAnswer & { json: unknown };

/** A Creovai client of a tenant of its own, whose requests stand on the wire as a test writes them. The app must listen. */
export class CreovaiWire {
  readonly #app: TestApp;
  readonly token: string;
  readonly tenant: Tenant;

  private constructor(app: TestApp, tenant: Tenant, token: string) {
    this.#app = app;
    this.tenant = tenant;
    this.token = token;
  }

  static async start(app: TestApp): Promise<CreovaiWire> {
    const slug = `wire-${Math.random().toString(36).slice(2)}`;
    const tenant = await createTenant(app.engine, { slug, region: 'US' });
    return new CreovaiWire(app, tenant, await app.token(scopes, tenant));
  }

  /** The same client with a token of these scopes. */
  async within(allowed: readonly Scope[]): Promise<CreovaiWire> {
    return new CreovaiWire(this.#app, this.tenant, await this.#app.token(allowed, this.tenant));
  }

  /** The same client with these characters for a token. */
  withToken(token: string): CreovaiWire {
    return new CreovaiWire(this.#app, this.tenant, token);
  }

  /** Archives a call and gives its id. */
  async archived(sessionId: string, change: Record<string, unknown> = {}): Promise<string> {
    return await archiveCall(this.#app, this.token, callInfo(sessionId, change));
  }

  async get(target: string): Promise<WireAnswer> {
    return this.#read(await sendRaw(this.#app.http.listeningOrigin, rawRequest(`GET ${target}`, [this.#bearer()])));
  }

  /** The bytes of a call's recording. */
  async recording(callId: string): Promise<Buffer> {
    const request = rawRequest(`GET /v1/calls/${callId}/recording`, [this.#bearer()]);
    const answer = await sendRaw(this.#app.http.listeningOrigin, request);
    expect(answer.status).toBe(200);
    return answer.body;
  }

  /** The word that the status API has for a session. */
  async statusOf(sessionId: string): Promise<unknown> {
    return ((await this.get(`/capture/v2/status/${encodeURIComponent(sessionId)}`)).json as { status: unknown }).status;
  }

  /** Posts JSON, or text and bytes as they stand. */
  async post(target: string, body: unknown, headers = ['Content-Type: application/json']): Promise<WireAnswer> {
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    const bytes = isRaw ? body : JSON.stringify(body);
    return this.#read(
      await sendRaw(this.#app.http.listeningOrigin, rawRequest(`POST ${target}`, [this.#bearer(), ...headers], bytes)),
    );
  }

  /** Posts nothing at all, not even its length. */
  async postNothing(target: string): Promise<WireAnswer> {
    const request = `POST ${target} HTTP/1.1\r\nHost: archive.example\r\n${this.#bearer()}\r\n\r\n`;
    return this.#read(await sendRaw(this.#app.http.listeningOrigin, request));
  }

  #bearer(): string {
    return `Authorization: Bearer ${this.token}`;
  }

  #read(answer: RawAnswer): WireAnswer {
    const json: unknown = answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString());
    return { ...answer, json };
  }
}

/** A success as the vendor's clients take it. */
export function expectJson(answer: WireAnswer, json: unknown): void {
  expect(answer.status, answer.body.toString()).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.json).toStrictEqual(json);
}

/** A refusal in the vendor's form, with a message that a user can be shown. */
export function expectRefused(answer: WireAnswer, status: number, words: RegExp = /./): void {
  expect(answer.status, answer.body.toString()).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : undefined);
  expect(answer.json).toStrictEqual({ message: expect.stringMatching(words) });
}
