import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import type { Caller } from '../../src/engine/context.ts';
import { type Scope, scopes, type Tenant } from '../../src/model/tenant.ts';
import type { TestApp } from './harness.ts';

export type TwinAnswer = { status: number; headers: Headers; text: string; json: unknown };
export type TwinList<Item> = { count: number; items: Item[] };
export type TaskItem = Record<string, unknown> & { id: string; name: string; status: string };
export type CandidateItem = Record<string, unknown> & { id: string; phone: string[]; status: string };

/** A campaign's client of a tenant of its own, over real HTTP. The app must listen. */
export class TwinCampaigns {
  readonly tenant: Tenant;
  readonly app: TestApp;
  readonly #token: string;
  readonly #base: string;

  private constructor(app: TestApp, tenant: Tenant, token: string, base: string) {
    this.app = app;
    this.tenant = tenant;
    this.#token = token;
    this.#base = base;
  }

  static async start(app: TestApp, region = 'US'): Promise<TwinCampaigns> {
    const slug = `twin-${Math.random().toString(36).slice(2)}`;
    return await TwinCampaigns.of(app, await createTenant(app.engine, { slug, region }));
  }

  static async of(app: TestApp, tenant: Tenant): Promise<TwinCampaigns> {
    return new TwinCampaigns(app, tenant, await app.token(scopes, tenant), '/cis/api/v1');
  }

  /** The same tenant's, with these scopes alone. */
  async within(allowed: readonly Scope[]): Promise<TwinCampaigns> {
    return new TwinCampaigns(this.app, this.tenant, await this.app.token(allowed, this.tenant), this.#base);
  }

  /** The same client, as if it spoke to the service's own host. */
  atOwnHost(): TwinCampaigns {
    return new TwinCampaigns(this.app, this.tenant, this.#token, '/api/v1');
  }

  get caller(): Caller {
    return { ...this.app.caller(), tenant: this.tenant };
  }

  async send(method: string, path: string, sent: { headers?: Record<string, string>; body?: string } = {}) {
    const headers = { authorization: `Bearer ${this.#token}`, ...sent.headers };
    const got = await fetch(`${this.app.http.listeningOrigin}${this.#base}${path}`, { ...sent, method, headers });
    const text = await got.text();
    const isJson = got.headers.get('content-type')?.startsWith('application/json');
    return {
      status: got.status,
      headers: got.headers,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    } as TwinAnswer;
  }

  async get(path: string): Promise<TwinAnswer> {
    return await this.send('GET', path);
  }

  /** Posts JSON, or nothing at all. */
  async post(path: string, body?: unknown): Promise<TwinAnswer> {
    if (body === undefined) return await this.send('POST', path);
    return await this.send('POST', path, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async task(change: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.post('/telephony/autoCall', { name: 'a task', ...change });
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as { id: { identity: string } }).id.identity;
  }

  async readTask(id: string): Promise<TaskItem> {
    const answer = await this.get(`/telephony/autoCall/${id}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.json as TaskItem;
  }

  async tasks(query = ''): Promise<TwinList<TaskItem>> {
    const answer = await this.get(`/telephony/autoCall?${query}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.json as TwinList<TaskItem>;
  }

  /** Ids of candidates added as a batch. */
  async added(taskId: string, ...candidates: Record<string, unknown>[]): Promise<string[]> {
    const batch = candidates.map((one) => ({ autoCallId: taskId, ...one }));
    const answer = await this.post('/telephony/autoCallCandidate/batch', { batch });
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as TwinList<{ id: string }>).items.map(({ id }) => id);
  }

  async candidates(taskId: string, query = ''): Promise<TwinList<CandidateItem>> {
    const answer = await this.get(`/telephony/autoCallCandidate?autoCallId=${taskId}&${query}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.json as TwinList<CandidateItem>;
  }

  async candidate(id: string): Promise<CandidateItem> {
    const answer = await this.get(`/telephony/autoCallCandidate/${id}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.json as CandidateItem;
  }
}

/** An id of the platform's. */
export function botId(): string {
  return randomUUID();
}
