/** Every write of the native API with a good request, each time about something new. */
import type { TestApp } from './harness.ts';
import { until } from './until.ts';

/** What to send. `other` is another request that the same `Idempotency-Key` must not stand for. */
export type Write = { url: string; payload: string; type?: string; other?: { url?: string; payload?: string } };

type Json = Record<string, unknown>;

export class NativeWrites {
  readonly #app: TestApp;
  readonly #token: string;
  #count = 0;

  constructor(app: TestApp, token: string) {
    this.#app = app;
    this.#token = token;
  }

  /** By `operationId`. */
  readonly by: Readonly<Record<string, () => Promise<Write>>> = {
    archiveCall: async () => ({ url: '/v1/calls', payload: this.#call(), other: { payload: this.#call() } }),
    changeCall: async () => {
      const url = `/v1/calls/${await this.call()}`;
      return { url, payload: '{"responder":"bot"}', other: { payload: '{"responder":"human"}' } };
    },
    storeRecording: async () => {
      const url = `/v1/calls/${await this.call()}/recording`;
      const other = { url: `/v1/calls/${await this.call()}/recording` };
      return { url, payload: 'bytes', type: 'audio/wav', other };
    },
    createErasure: async () => {
      const [one, two] = [this.#plan(await this.call()), this.#plan(await this.call())];
      return { url: '/v1/erasures', payload: one, other: { payload: two } };
    },
    executeErasure: async () => await this.#ofPlan('execute', true),
    cancelErasure: async () => await this.#ofPlan('cancel', false),
    approveErasure: async () => {
      const [one, two] = [await this.stopped(), await this.stopped()];
      const body = ({ digest }: { digest: string }) => JSON.stringify({ digest });
      const other = { url: `/v1/erasures/${two.id}/approve`, payload: body(two) };
      return { url: `/v1/erasures/${one.id}/approve`, payload: body(one), other };
    },
    retryErasure: async () => {
      const [one, two] = [await this.waiting(), await this.waiting()];
      return { url: `/v1/erasures/${one}/retry`, payload: '{}', other: { url: `/v1/erasures/${two}/retry` } };
    },
    placeHold: async () => {
      const [one, two] = [this.#hold(await this.call()), this.#hold(await this.call())];
      return { url: '/v1/holds', payload: one, other: { payload: two } };
    },
    releaseHold: async () => {
      const [one, two] = [await this.hold(), await this.hold()];
      return { url: `/v1/holds/${one}/release`, payload: '{}', other: { url: `/v1/holds/${two}/release` } };
    },
    createClient: async () => {
      return {
        url: '/v1/clients',
        payload: '{"scopes":["calls:read"]}',
        other: { payload: '{"scopes":["calls:write"]}' },
      };
    },
    changeClient: async () => {
      const [url, payload] = [`/v1/clients/${await this.client()}`, '{"scopes":["calls:write"]}'];
      return { url, payload, other: { payload: '{"scopes":["holds:write"]}' } };
    },
    rotateClient: async () => {
      const url = `/v1/clients/${await this.client()}/rotate`;
      return { url, payload: '{}', other: { payload: '{"keepOldFor":7}' } };
    },
    disableClient: async () => {
      const [one, two] = [await this.client(), await this.client()];
      return { url: `/v1/clients/${one}/disable`, payload: '{}', other: { url: `/v1/clients/${two}/disable` } };
    },
    createUser: async () => ({ url: '/v1/users', payload: this.#user(), other: { payload: this.#user() } }),
    changeUser: async () => {
      const url = `/v1/users/${await this.user()}`;
      return { url, payload: '{"scopes":["calls:write"]}', other: { payload: '{"scopes":["holds:write"]}' } };
    },
    rotateUser: async () => {
      const [one, two] = [await this.user(), await this.user()];
      return { url: `/v1/users/${one}/rotate`, payload: '{}', other: { url: `/v1/users/${two}/rotate` } };
    },
    disableUser: async () => {
      const [one, two] = [await this.user(), await this.user()];
      return { url: `/v1/users/${one}/disable`, payload: '{}', other: { url: `/v1/users/${two}/disable` } };
    },
    changeSettings: async () => {
      const settings = (calls: number) => JSON.stringify({ guard: { calls } });
      const at = 20_000 + this.#next();
      return { url: '/v1/settings', payload: settings(at), other: { payload: settings(at + 5_000) } };
    },
    setRetention: async () => {
      const days = 1_000 + this.#next();
      const body = (of: number) => JSON.stringify({ days: of });
      return { url: '/v1/retention/chat', payload: body(days), other: { payload: body(days + 5_000) } };
    },
    removeRetention: async () => {
      for (const kind of ['case', 'call']) {
        await this.made('PUT', `/v1/retention/${kind}`, JSON.stringify({ days: 900 + this.#next() }));
      }
      return { url: '/v1/retention/case', payload: '', other: { url: '/v1/retention/call' } };
    },
  };

  /** Sends something that succeeds. */
  async made(method: 'POST' | 'PUT' | 'PATCH', url: string, payload: string, token = this.#token): Promise<Json> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await this.#app.http.inject({ method, url, headers, payload });
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
    return answer.json<Json>();
  }

  /** The id of a new call without a recording. */
  async call(): Promise<string> {
    return String((await this.made('POST', '/v1/calls', this.#call()))['id']);
  }

  async client(): Promise<string> {
    return String((await this.made('POST', '/v1/clients', '{"scopes":["calls:read"]}'))['clientId']);
  }

  async user(): Promise<string> {
    return String((await this.made('POST', '/v1/users', this.#user()))['id']);
  }

  async hold(): Promise<string> {
    return String((await this.made('POST', '/v1/holds', this.#hold(await this.call())))['id']);
  }

  /** A plan of the purge of one call. */
  async plan(): Promise<{ id: string; digest: string }> {
    const made = await this.made('POST', '/v1/erasures', this.#plan(await this.call()));
    return { id: String(made['id']), digest: String(made['digest']) };
  }

  /** A plan that the guard has stopped, of another client unless it is said whose. */
  async stopped(token?: string): Promise<{ id: string; digest: string }> {
    const guard = async (calls: number) =>
      await this.made('PATCH', '/v1/settings', JSON.stringify({ guard: { calls } }));
    await guard(1);
    const payload = JSON.stringify({ action: 'purge', subject: { calls: [await this.call(), await this.call()] } });
    const made = await this.made('POST', '/v1/erasures', payload, token ?? (await this.#app.token()));
    await guard(10_000);
    return { id: String(made['id']), digest: String(made['digest']) };
  }

  /** The id of an erasure under way whose only item waits for the release of a hold. */
  async waiting(): Promise<string> {
    const call = await this.call();
    await this.made('POST', '/v1/holds', this.#hold(call));
    const { id, digest } = await this.made('POST', '/v1/erasures', this.#plan(call));
    await this.made('POST', `/v1/erasures/${String(id)}/execute`, JSON.stringify({ digest }));
    const { erasures } = this.#app.engine.store.reads;
    await until(async () => (await erasures.tally(String(id))).held === 1);
    return String(id);
  }

  async #ofPlan(verb: string, hasDigest: boolean): Promise<Write> {
    const [one, two] = [await this.plan(), await this.plan()];
    const body = ({ digest }: { digest: string }) => (hasDigest ? JSON.stringify({ digest }) : '{}');
    const other = { url: `/v1/erasures/${two.id}/${verb}`, payload: body(two) };
    return { url: `/v1/erasures/${one.id}/${verb}`, payload: body(one), other };
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  #call(): string {
    return JSON.stringify({ startedAt: '2026-01-02T03:04:05Z', sessionId: `written-${this.#next()}` });
  }

  #plan(call: string): string {
    return JSON.stringify({ action: 'purge', subject: { calls: [call] } });
  }

  #hold(call: string): string {
    return JSON.stringify({ subject: { calls: [call] }, reason: 'Claim' });
  }

  #user(): string {
    return JSON.stringify({ email: `written-${this.#next()}@example.com`, scopes: ['calls:read'] });
  }
}
