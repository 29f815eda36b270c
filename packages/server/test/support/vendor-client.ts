import { expect } from 'vitest';
import { goodRequest } from './creovai-asking.ts';
import type { Named } from './creovai-bodies.ts';
import { dataPart, formOf, formType, infoPart } from './creovai-forms.ts';
import { type CreovaiRoute, routeAt } from './creovai-routes.ts';

/** A whole answer. `json` is undefined where the body is not JSON, or empty. */
export type VendorAnswer = { status: number; headers: Headers; bytes: Buffer; text: string; json: unknown };

/** What an item of a purge says, in the words of the second generation. */
export type PurgedItem = { id: string | null; sessionId: string | null; status: string; errorMsg: string | null };

type Sent = { method?: string; headers?: Record<string, string>; body?: string | Buffer };

/** A client of both generations of Creovai's API over real HTTP, as one API user. Nothing of it is ours but its routes. */
export class VendorClient {
  readonly url: string;
  readonly #token: string;
  /** All answers, in the order in which they came. */
  readonly answers: VendorAnswer[] = [];
  /** Routes of the table that have answered 200. */
  readonly succeeded = new Set<string>();

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async get(path: string): Promise<VendorAnswer> {
    return await this.send(path, { method: 'GET' });
  }

  /** Posts an object as JSON, or text as it stands. */
  async post(path: string, body: object | string): Promise<VendorAnswer> {
    const headers = { 'content-type': 'application/json' };
    return await this.send(path, { headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  }

  /** Posts a recorded call. */
  async upload(path: string, info: object, audio: Buffer, type = 'audio/mpeg'): Promise<VendorAnswer> {
    const body = formOf([infoPart(info), dataPart(audio, type)]);
    return await this.send(path, { headers: { 'content-type': formType }, body });
  }

  /** The good request of a route of the table, with some of its body changed. */
  async ask(
    pattern: string,
    named: Named,
    change: object = {},
    audio: Buffer = Buffer.from('ID3'),
  ): Promise<VendorAnswer> {
    const answer = await this.#askRoute(routeAt(pattern), named, change, audio);
    if (answer.status === 200) this.succeeded.add(pattern);
    return answer;
  }

  async #askRoute(route: CreovaiRoute, named: Named, change: object, audio: Buffer): Promise<VendorAnswer> {
    const { address } = goodRequest(route, named);
    const body = { ...route.body?.(named), ...change };
    if (route.isForm) return await this.upload(address, body, audio);
    if (route.body !== undefined) return await this.post(address, body);
    return await this.send(address, { method: route.method });
  }

  /** The same where it must succeed: its JSON. */
  async asked<T>(pattern: string, named: Named, change: object = {}, audio?: Buffer): Promise<T> {
    const answer = await this.ask(pattern, named, change, audio);
    expect(answer.status, `${pattern}: ${answer.text.slice(0, 500)}`).toBe(200);
    // The caller says what the vendor's answer to this route consists of.
    return answer.json as T;
  }

  /** Archives by a route of the table, and gives the call's id. */
  async archived(pattern: string, named: Named, change: object = {}, audio?: Buffer): Promise<string> {
    const answer = await this.asked<Record<string, string>>(pattern, named, change, audio);
    return answer['id'] ?? answer['callId'] ?? answer['caseId'] ?? '';
  }

  /** A link to a call, in full. */
  async shared(callId: string): Promise<string> {
    const answer = await this.post('/interactions/v2/token', { interactionId: callId, email: 'guest@example.com' });
    return (answer.json as { shareUri: string }).shareUri;
  }

  /** The word of the status API for a session. */
  async statusOf(sessionId: string): Promise<string | undefined> {
    const { json } = await this.post('/capture/v2/status', { sessionIds: [sessionId] });
    return (json as { sessions: { status: string }[] }).sessions[0]?.status;
  }

  /** Purges sessions, uploads under way included. */
  async purged(...ids: string[]): Promise<PurgedItem[]> {
    const answer = await this.post('/interactions/v2/purge/sessions', { ids, allowIncompleteInteraction: true });
    expect(answer.status, answer.text).toBe(200);
    return (answer.json as { items: PurgedItem[] }).items;
  }

  /** One request with our token, unless its headers bring another. */
  async send(path: string, sent: Sent): Promise<VendorAnswer> {
    const headers = { authorization: `Bearer ${this.#token}`, ...sent.headers };
    const got = await fetch(`${this.url}${path}`, { method: 'POST', ...sent, headers });
    const bytes = Buffer.from(await got.arrayBuffer());
    const text = bytes.toString('utf8');
    const answer = { status: got.status, headers: got.headers, bytes, text, json: jsonIn(got, text) };
    this.answers.push(answer);
    return answer;
  }
}

function jsonIn({ headers }: Response, text: string): unknown {
  return headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : undefined;
}
