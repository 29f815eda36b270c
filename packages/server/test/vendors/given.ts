import { expect } from 'vitest';
import { createClient } from '../../src/engine/access/clients.ts';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { scopes, type Tenant } from '../../src/model/tenant.ts';
import { CreovaiClient } from '../support/creovai-client.ts';
import type { TestApp } from '../support/harness.ts';
import { until } from '../support/until.ts';
import type { Known } from './recorded-text.ts';
import type { Exchange, Given, GivenCall } from './recording.ts';

/** A tenant of its own in which everything that an exchange takes for given is so. */
export type Prepared = {
  known: Known;
  /** Breaks off what is still under way. */
  end(): void;
};

/** Makes a tenant and whatever an exchange takes for given, by requests to the listening archive at `origin`. */
export async function prepare(
  app: TestApp,
  origin: string,
  { given = {}, scopes: allowed }: Exchange,
): Promise<Prepared> {
  const slug = `x-${Math.random().toString(36).slice(2)}`;
  const tenant = await createTenant(app.engine, { slug, region: 'US' });
  const { client } = given;
  const takeOver = client === undefined ? {} : { takeOver: { clientId: client.clientId, secret: client.clientSecret } };
  const made = await createClient(app.engine, tenant, { scopes: [...scopes], actor: operator, ...takeOver });
  const all = await tokenOf(origin, made.clientId, made.clientSecret);
  const known: Known = new Map([
    ['clientId', made.clientId],
    ['clientSecret', made.clientSecret],
    ['token', allowed === undefined ? all : await app.token(allowed, tenant)],
    ['origin', origin],
  ]);
  const maker = new GivenMaker(app, tenant, known, new Posts(origin, all));
  await maker.make(given);
  return { known, end: () => maker.end() };
}

async function tokenOf(origin: string, clientId: string, clientSecret: string): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  });
  const answer = await fetch(`${origin}/Token`, { method: 'POST', body });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** Posts that must succeed. */
class Posts {
  readonly origin: string;
  readonly token: string;

  constructor(origin: string, token: string) {
    this.origin = origin;
    this.token = token;
  }

  async json<T>(path: string, body: unknown): Promise<T> {
    return await this.#send(path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  async form<T>(path: string, form: FormData): Promise<T> {
    return await this.#send(path, form, {});
  }

  async #send<T>(path: string, body: string | FormData, headers: Record<string, string>): Promise<T> {
    const authorization = `Bearer ${this.token}`;
    const answer = await fetch(`${this.origin}${path}`, {
      method: 'POST',
      headers: { ...headers, authorization },
      body,
    });
    const text = await answer.text();
    expect(answer.status, `${path} ${text}`).toBe(200);
    // Each caller knows the answer of its route; events have none.
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

class GivenMaker {
  readonly #app: TestApp;
  readonly #tenant: Tenant;
  readonly #known: Known;
  readonly #posts: Posts;
  readonly #cuts: (() => void)[] = [];

  constructor(app: TestApp, tenant: Tenant, known: Known, posts: Posts) {
    this.#app = app;
    this.#tenant = tenant;
    this.#known = known;
    this.#posts = posts;
  }

  async make({ calls = [], events = [], excluded, held, purged, uploading = [] }: Given): Promise<void> {
    for (const call of calls) this.#known.set(`call:${call.sessionId}`, await this.#archive(call));
    for (const event of events) await this.#posts.json('/capture/v2/outofband/interaction', event);
    if (excluded !== undefined) await this.#posts.json('/capture/v2/status/exclude', { sessionIds: excluded });
    if (held !== undefined) await this.#hold(held);
    if (purged !== undefined) await this.#purge(purged);
    for (const call of uploading) this.#known.set(`call:${call.sessionId}`, await this.#beginUpload(call));
  }

  end(): void {
    for (const cut of this.#cuts) cut();
  }

  async #archive(call: GivenCall): Promise<string> {
    const { kind = 'call' } = call;
    const path = `/capture/v2/${kind}`;
    if (kind !== 'call') return (await this.#posts.json<{ id: string }>(path, written(call))).id;
    const form = new FormData();
    form.append('info', new Blob([JSON.stringify(spoken(call))], { type: 'application/json' }));
    const audio = Buffer.from(call.audio ?? 'RIFF', 'latin1');
    form.append('data', new Blob([audio], { type: 'application/octet-stream' }), 'call.bin');
    return (await this.#posts.form<{ id: string }>(path, form)).id;
  }

  async #hold(sessionIds: readonly string[]): Promise<void> {
    const caller = { ...this.#app.caller(), tenant: this.#tenant };
    const callIds = sessionIds.map((sessionId) => this.#known.get(`call:${sessionId}`) ?? '');
    const reason = 'a case in court';
    const hold = { callIds, identifiers: [], from: null, to: null, reviewAt: null, reason };
    await placeHold(this.#app.engine, caller, hold);
  }

  async #purge(ids: readonly string[]): Promise<void> {
    await this.#posts.json('/purge/v1/calls/sessions', { ids });
    await Promise.all(this.#app.engine.background);
  }

  /** Begins an upload whose recording does not come, and waits until its call is known. */
  async #beginUpload({ sessionId, phoneNumber = '+15125551234' }: GivenCall): Promise<string> {
    const { upload, answer } = new CreovaiClient(this.#posts.origin, this.#posts.token).slowUpload(
      sessionId,
      phoneNumber,
    );
    // Broken off at the end of the exchange; nobody waits for what is then said of it.
    answer.catch(() => undefined);
    this.#cuts.push(() => upload.destroy());
    type Sessions = { callSessions: [{ status: string; callId?: string }] };
    let callId = '';
    await until(async () => {
      const { callSessions } = await this.#posts.json<Sessions>('/callCapture/v1/status', {
        callSessionIds: [sessionId],
      });
      callId = callSessions[0].callId ?? '';
      return callSessions[0].status === 'InProgress';
    });
    return callId;
  }
}

const utcStart = '2024-03-01T10:00:00.000Z';
const utcEnd = '2024-03-01T10:02:30.000Z';

function common({ sessionId, masterId, caseReferenceId, collectionId }: GivenCall) {
  return { sessionId, masterId, caseReferenceId, collectionId, utcStart, utcEnd, metadata: { queue: 'billing' } };
}

function agent() {
  return { referenceId: 'agent-1', firstName: 'Avery', type: 'Agent', phoneNumber: '+15125550100' };
}

function customer({ phoneNumber, email }: GivenCall) {
  return { referenceId: 'customer-1', firstName: 'Casey', type: 'Customer', phoneNumber, email };
}

function spoken(call: GivenCall) {
  const participants = [
    { ...agent(), channel: 0 },
    { ...customer(call), channel: 1 },
  ];
  const audio = { format: call.format ?? 'wav' };
  return { ...common(call), participants, direction: 'Inbound', numberDialed: '+15125550199', audio };
}

function written(call: GivenCall) {
  const question = { content: 'Where is it?', utcTimestamp: utcStart };
  const answer = { content: 'On its way.', utcTimestamp: utcEnd };
  if (call.kind === 'chat') {
    const participants = [
      { ...agent(), messages: [answer] },
      { ...customer(call), messages: [question] },
    ];
    return { ...common(call), participants };
  }
  const messages = [
    { ...question, senderReferenceId: 'customer-1', channel: 'Web' },
    { ...answer, senderReferenceId: 'agent-1', channel: 'Web' },
  ];
  return { ...common(call), participants: [agent(), customer(call)], messages };
}
