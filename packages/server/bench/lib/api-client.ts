import { Agent, type IncomingMessage, request } from 'node:http';
import { buffer, json } from 'node:stream/consumers';

/** Credentials of an API client. */
export type Credentials = { clientId: string; clientSecret: string };

/** One status as the wire shows it. */
export type SessionStatus = { sessionId: string; status: string };

/** What a purge says of one call. */
export type PurgeStatus = { callId: string; status: string };

/** What the native API says of an erasure. */
export type NativeErasure = {
  id: string;
  digest: string;
  state: string;
  counts: { items: number };
  shreddedAt: string | null;
  goneAt: string | null;
};

/**
 * What a client of the archive does, over connections that stay open. Bare on purpose: it runs on the cores that are
 * measured, so it does as little as it can. An answer that is not the expected one is an error.
 */
export class ApiClient {
  readonly #url: URL;
  readonly #agent: Agent;
  #token = '';

  constructor(url: string, connections: number) {
    this.#url = new URL(url);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Fetches the token that the other methods send. */
  async signIn({ clientId, clientSecret }: Credentials): Promise<void> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await this.#send('POST', '/Token', headers, Buffer.from(form.toString()));
    const { access_token: token } = (await json(expect(answer, 200))) as { access_token: string };
    this.#token = token;
  }

  /** Archives one call; returns its id. */
  async archive(info: object, audio: Buffer): Promise<string> {
    const body = Buffer.concat([partsBefore(info), audio, partsAfter]);
    return await this.#archived(await this.#send('POST', '/callCapture/v1/archive', multipartHeaders, body));
  }

  /** The same for audio that comes in chunks, `audioBytes` in all. */
  async archiveStream(info: object, audio: AsyncIterable<Buffer>, audioBytes: number): Promise<string> {
    const before = partsBefore(info);
    const headers = { ...multipartHeaders, 'content-length': before.length + audioBytes + partsAfter.length };
    const whole = (async function* () {
      yield before;
      yield* audio;
      yield partsAfter;
    })();
    return await this.#archived(await this.#send('POST', '/callCapture/v1/archive', headers, whole));
  }

  /** The recording as it comes; status 200, 206 with a range, 404 where there is none. */
  async recording(callId: string, range?: string): Promise<IncomingMessage> {
    return await this.#send('GET', `/v1/calls/${callId}/recording`, range === undefined ? {} : { range });
  }

  async statuses(sessionIds: readonly string[]): Promise<SessionStatus[]> {
    const answer = await this.#json('/callCapture/v1/status', { callSessionIds: sessionIds });
    return (answer as { callSessions: SessionStatus[] }).callSessions;
  }

  /** Purges calls by their ids; returns what is said of each, in the order asked. */
  async purgeCalls(ids: readonly string[]): Promise<PurgeStatus[]> {
    return ((await this.#json('/purge/v1/calls', { ids })) as { items: PurgeStatus[] }).items;
  }

  /** Purges every call of a number, or says which it would; returns how many. */
  async purgeCustomer(phoneNumber: string, options: { whatIf: boolean }): Promise<number> {
    const path = `/purge/v1/calls/customer${options.whatIf ? '?whatIf=true' : ''}`;
    return ((await this.#json(path, { phoneNumber })) as { items: unknown[] }).items.length;
  }

  /** Depersonalizes a call with its recording; resolves when its keys are destroyed. */
  async depersonalizeCall(id: string): Promise<void> {
    await drain(expect(await this.#send('POST', `/cis/api/v1/calls/${id}/depersonalization`, {}), 200));
  }

  /** The same for a candidate and all its calls. */
  async depersonalizeCandidate(id: string): Promise<void> {
    const path = `/cis/api/v1/telephony/autoCallCandidate/${id}/depersonalization`;
    await drain(expect(await this.#send('POST', path, {}), 200));
  }

  /** Makes the plan of a native purge; returns the erasure. */
  async plan(subject: Readonly<Record<string, readonly string[]>>): Promise<NativeErasure> {
    return await this.#erasure('/v1/erasures', { action: 'purge', subject }, 201);
  }

  /** Executes it; resolves when nothing of it can be read any more, which is before its keys are destroyed. */
  async execute({ id, digest }: NativeErasure): Promise<NativeErasure> {
    return await this.#erasure(`/v1/erasures/${id}/execute`, { digest }, 202);
  }

  async erasure(id: string): Promise<NativeErasure> {
    return (await json(expect(await this.#send('GET', `/v1/erasures/${id}`, {}), 200))) as NativeErasure;
  }

  /** Asks for nothing: what a round trip costs on this machine. */
  async health(): Promise<void> {
    await json(expect(await this.#send('GET', '/healthz', {}), 200));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #archived(answer: IncomingMessage): Promise<string> {
    return ((await json(expect(answer, 200))) as { callId: string }).callId;
  }

  async #erasure(path: string, body: object, status: number): Promise<NativeErasure> {
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#send('POST', path, headers, Buffer.from(JSON.stringify(body)));
    return (await json(expect(answer, status))) as NativeErasure;
  }

  async #json(path: string, body: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return await json(expect(await this.#send('POST', path, headers, Buffer.from(JSON.stringify(body))), 200));
  }

  async #send(
    method: string,
    path: string,
    headers: Record<string, string | number>,
    body?: Buffer | AsyncIterable<Buffer>,
  ): Promise<IncomingMessage> {
    const length = Buffer.isBuffer(body) ? { 'content-length': body.length } : {};
    const authorization = this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` };
    const options = { method, agent: this.#agent, headers: { ...headers, ...length, ...authorization } };
    return await new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#url), options, resolve);
      outgoing.on('error', reject);
      if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body);
      else void pour(body, outgoing).catch((error: unknown) => outgoing.destroy(asError(error)));
    });
  }
}

/** Reads an answer to its end, so that its connection is free again. */
export async function drain(answer: IncomingMessage): Promise<void> {
  await buffer(answer);
}

const boundary = 'tacet-bench-7d1f0c';
const multipartHeaders = { 'content-type': `multipart/form-data; boundary=${boundary}` };
const partsAfter = Buffer.from(`\r\n--${boundary}--\r\n`);

function partsBefore(info: object): Buffer {
  return Buffer.from(
    [
      `--${boundary}`,
      'Content-Disposition: form-data; name="info"',
      'Content-Type: application/json; charset=utf-8',
      '',
      JSON.stringify(info),
      `--${boundary}`,
      'Content-Disposition: form-data; name="data"; filename="call.wav"',
      'Content-Type: audio/wav',
      '',
      '',
    ].join('\r\n'),
  );
}

async function pour(source: AsyncIterable<Buffer>, into: ReturnType<typeof request>): Promise<void> {
  for await (const chunk of source) {
    if (!into.write(chunk)) await new Promise<void>((resolve) => into.once('drain', resolve));
  }
  into.end();
}

function expect(answer: IncomingMessage, status: number): IncomingMessage {
  if (answer.statusCode === status) return answer;
  answer.resume();
  throw new Error(`the server answered ${answer.statusCode} instead of ${status}`);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the body could not be sent');
}
