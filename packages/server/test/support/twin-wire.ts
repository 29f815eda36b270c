import { expect } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { type Scope, scopes, type Tenant } from '../../src/model/tenant.ts';
import type { TestApp } from './harness.ts';
import { NativeClient, startedAt } from './native-client.ts';
import { type RawAnswer, RawConnection } from './raw-http.ts';
import { newUser, type TestUser, tokensOf } from './twin-users.ts';

export type TwinWireAnswer = { status: number; headers: Headers; text: string; json: unknown };

/** The prefixes of the vendor's services behind its gateway. */
export const twinGateways = { iam: '/iam/api/v1', cis: '/cis/api/v1', analyse: '/analyse/api/v1' } as const;
const { cis, analyse } = twinGateways;

/** A user of Twin24's in a company of its own, and the platform that dials for it, over real HTTP. The app must listen. */
export class TwinWire {
  readonly app: TestApp;
  readonly tenant: Tenant;
  readonly user: TestUser;
  readonly token: string;
  readonly refreshToken: string;
  readonly platform: NativeClient;

  private constructor(app: TestApp, tenant: Tenant, user: TestUser, tokens: { token: string; refreshToken: string }) {
    this.app = app;
    this.tenant = tenant;
    this.user = user;
    this.token = tokens.token;
    this.refreshToken = tokens.refreshToken;
    this.platform = new NativeClient(app, tokens.token);
  }

  static async start(app: TestApp): Promise<TwinWire> {
    const slug = `wire-${Math.random().toString(36).slice(2)}`;
    return await TwinWire.#of(app, await createTenant(app.engine, { slug, region: 'RU' }), scopes);
  }

  /** Another user of the same company, with these scopes alone. */
  async within(allowed: readonly Scope[]): Promise<TwinWire> {
    return await TwinWire.#of(this.app, this.tenant, allowed);
  }

  static async #of(app: TestApp, tenant: Tenant, allowed: readonly Scope[]): Promise<TwinWire> {
    const user = await newUser(app, {
      tenant,
      scopes: allowed,
      email: `${Math.random().toString(36).slice(2)}@example.org`,
    });
    return new TwinWire(app, tenant, user, await tokensOf(app, user));
  }

  get origin(): string {
    return this.app.http.listeningOrigin;
  }

  /** One request with our token, unless its headers bring another. */
  async send(
    method: string,
    path: string,
    sent: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<TwinWireAnswer> {
    const headers = { authorization: `Bearer ${this.token}`, ...sent.headers };
    const got = await fetch(`${this.origin}${path}`, { ...sent, method, headers });
    const text = await got.text();
    const isJson = got.headers.get('content-type')?.startsWith('application/json');
    return { status: got.status, headers: got.headers, text, json: isJson ? JSON.parse(text) : undefined };
  }

  /** Posts JSON, or text as it stands. */
  async post(path: string, body: unknown): Promise<TwinWireAnswer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return await this.send('POST', path, { headers: { 'content-type': 'application/json' }, body: text });
  }

  async get(path: string): Promise<TwinWireAnswer> {
    return await this.send('GET', path);
  }

  /** One request with our token, every byte of it given: header lines, then the body as it stands. */
  async raw(line: string, headers: readonly string[], body = ''): Promise<RawAnswer> {
    const head = [`${line} HTTP/1.1`, 'Host: a', `Authorization: Bearer ${this.token}`, ...headers];
    const connection = new RawConnection(this.origin);
    try {
      await connection.send(`${head.join('\r\n')}\r\n\r\n${body}`);
      return await connection.answer();
    } finally {
      connection.close();
    }
  }

  async task(more: object = {}): Promise<string> {
    const answer = await this.post(`${cis}/telephony/autoCall`, { name: 'Survey', ...more });
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as { id: { identity: string } }).id.identity;
  }

  async candidate(autoCallId: string, more: object = {}): Promise<string> {
    const body = { autoCallId, phone: ['79261234567'], variables: { sum: 7 }, ...more };
    const answer = await this.post(`${cis}/telephony/autoCallCandidate`, body);
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as { id: { identity: string } }).id.identity;
  }

  async readCandidate(id: string): Promise<Record<string, unknown>> {
    const answer = await this.get(`${cis}/telephony/autoCallCandidate/${id}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.json as Record<string, unknown>;
  }

  /** A whole call, as the platform reports it; its recording is `ID3` unless it is given, none if null. */
  async call(said: object = {}, recording: string | null = 'ID3'): Promise<string> {
    return await this.platform.archived(
      { ...wholeCall, ...said },
      recording === null ? {} : { recording: Buffer.from(recording), type: 'audio/mpeg' },
    );
  }

  /** What the statistics say of a call; undefined where they have no such row. */
  async row(callId: string, fields = ''): Promise<Record<string, unknown> | undefined> {
    const query = fields === '' ? '' : `&fields=${fields}`;
    const answer = await this.get(`${analyse}/search/cis/sessions?id=${callId}${query}`);
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as { items: Record<string, unknown>[] }).items[0];
  }

  /** Whether the audio is there: in the row, behind its link, and natively. All three must agree. */
  async hasAudio(callId: string): Promise<boolean> {
    const { recordPath } = (await this.row(callId, 'recordPath')) ?? {};
    const isLinked = typeof recordPath === 'string' && (await fetch(recordPath)).status === 200;
    const isServed = (await this.platform.recording(callId)) !== undefined;
    expect([recordPath === null, isServed]).toEqual([!isLinked, isLinked]);
    return isLinked;
  }

  async depersonalize(callId: string, body: unknown = undefined): Promise<number> {
    return await this.#eraseAt(`${cis}/calls/${callId}/depersonalization`, body);
  }

  async depersonalizeCandidate(id: string, body: unknown = undefined): Promise<number> {
    return await this.#eraseAt(`${cis}/telephony/autoCallCandidate/${id}/depersonalization`, body);
  }

  async deleteRecord(callId: string): Promise<number> {
    return (await this.send('DELETE', `${cis}/calls/${callId}/record`)).status;
  }

  async #eraseAt(path: string, body: unknown): Promise<number> {
    return (body === undefined ? await this.send('POST', path) : await this.post(path, body)).status;
  }
}

/** Everything that a call can say, each value such that it is told from all others. */
export const wholeCall = {
  direction: 'outbound',
  status: 'ANSWERED',
  startedAt,
  endedAt: '2026-01-02T03:06:05Z',
  participants: [
    { role: 'customer', phone: '79261234567', email: 'anna@example.org', name: 'Anna' },
    { role: 'bot', name: 'Survey bot' },
  ],
  ownNumber: '74950000000',
  shortNumber: '204',
  botName: 'Survey bot',
  responder: 'robot',
  transferredToOperator: true,
  price: 3.5,
  regionId: 77,
  timezone: 10_800,
  variables: { '\u0438\u043c\u044f': '\u0410\u043d\u043d\u0430' },
  results: { confirmation: 'yes', evaluation: 4, nps: 9 },
  dialogResult: 'agreed',
  nps: 9,
  redirect: { additional: 'asked for a colleague', anons: 'Anna, survey', destination: 'ch', destinationId: '204' },
  transcript: [{ role: 'customer', text: 'Yes, this is Anna', startMs: 0, endMs: 900 }],
  callbackData: { row: 'a1' },
  externalId: 'crm-1',
  logLink: 'https://platform.example/log/1',
} as const;
