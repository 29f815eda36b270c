import { expect } from 'vitest';
import { buildServer } from '../../src/http/server.ts';
import { TlsListeners } from '../../src/http/tls.ts';
import { startApp, type TestApp, type TestAppOptions } from '../support/harness.ts';
import { type RawAnswer, RawConnection } from '../support/raw-http.ts';
import { makeCertificate } from '../support/tls-certificates.ts';
import { until } from '../support/until.ts';
import { type Prepared, prepare } from './given.ts';
import { accepting, filled, filledIn, type Known, keep } from './recorded-text.ts';
import { type Exchange, type RecordedRequest, type RecordedResponse, type Step, stepsOf } from './recording.ts';
import { bridgeTo } from './tls-bridge.ts';

/** Makes a tenant of its own, in which all that an exchange takes for given is so. */
export type Prepare = (app: TestApp, origin: string, exchange: Exchange) => Promise<Prepared>;

/** An archive that listens as clients need it: plainly for most, leniently over TLS for Creovai's C++ one. */
export type Stage = {
  app: TestApp;
  prepare: Prepare;
  /** Where to send plain bytes for each listener; those for the lenient one go on over TLS. */
  origins: { main: string; lenient: string };
  close(): Promise<void>;
};

/** `made` says how what exchanges take for given is made; as Creovai's clients make it, unless it is said. */
export async function startStage(options: TestAppOptions = {}, made: Prepare = prepare): Promise<Stage> {
  const app = await startApp(options);
  const main = await app.listen();
  const certificate = await makeCertificate(app.folder, 'archive.example');
  const tls = new TlsListeners(certificate);
  const lenient = buildServer(app.engine, { trustProxy: [], publicUrl: () => main, tls, isLenient: true });
  const bridge = await bridgeTo(await lenient.listen({ host: '127.0.0.1', port: 0 }), certificate.cert);
  return {
    app,
    prepare: made,
    origins: { main, lenient: bridge.origin },
    async close() {
      bridge.close();
      await lenient.close();
      await app.close();
    },
  };
}

/**
 * Replays an exchange for a tenant of its own, in which all that it takes for given is so: sends its requests and expects
 * the recorded answers. Returns what came.
 *
 * `change` may alter each request line before it is sent; the answers must be the recorded ones all the same.
 */
export async function replay(
  stage: Stage,
  exchange: Exchange,
  change: (line: string) => string = (line) => line,
): Promise<RawAnswer[]> {
  const { known, end } = await stage.prepare(stage.app, stage.origins.main, exchange);
  const wire = new Wire(stage.origins[exchange.listener ?? 'main']);
  try {
    const answers: RawAnswer[] = [];
    for (const step of stepsOf(exchange)) answers.push(await take(wire, step, known, change));
    return answers;
  } finally {
    wire.close();
    end();
  }
}

/** Sends other requests than an exchange has, one by one, where all that it takes for given is so. Returns what came. */
export async function sendVariants(
  stage: Stage,
  exchange: Exchange,
  requests: readonly RecordedRequest[],
): Promise<RawAnswer[]> {
  const { known, end } = await stage.prepare(stage.app, stage.origins.main, exchange);
  const wire = new Wire(stage.origins[exchange.listener ?? 'main']);
  try {
    const answers: RawAnswer[] = [];
    for (const request of requests) {
      wire.renew();
      answers.push(await wire.send(bytesOf(request, known)));
    }
    return answers;
  } finally {
    wire.close();
    end();
  }
}

/** Sends one request and expects its answer, again and again where it is said to come some time. */
async function take(wire: Wire, step: Step, known: Known, change: (line: string) => string): Promise<RawAnswer> {
  const { request } = step;
  const bytes = bytesOf({ ...request, line: change(request.line) }, known);
  if (step.sameConnection !== true) wire.renew();
  let answer = await wire.send(bytes);
  if (step.eventually === true) {
    await until(async () => {
      if (isRecorded(answer, step.response, known)) return true;
      wire.renew();
      answer = await wire.send(bytes);
      return false;
    });
  }
  expectRecorded(answer, step.response, known);
  if (step.response.json !== undefined) keep(step.response.json, JSON.parse(answer.body.toString()), known);
  return answer;
}

/** One connection at a time to one listener. */
class Wire {
  readonly #origin: string;
  #connection: RawConnection | undefined;

  constructor(origin: string) {
    this.#origin = origin;
  }

  renew(): void {
    this.close();
    this.#connection = new RawConnection(this.#origin);
  }

  async send(bytes: Buffer): Promise<RawAnswer> {
    this.#connection ??= new RawConnection(this.#origin);
    await this.#connection.send(bytes);
    return await this.#connection.answer();
  }

  close(): void {
    this.#connection?.close();
  }
}

/** A recorded request as bytes, its placeholders filled in. */
function bytesOf({ line, headers, json, body = '', chunkBytes }: RecordedRequest, known: Known): Buffer {
  // A body as it stands is bytes, one a character; JSON is UTF-8.
  const whole =
    json === undefined
      ? Buffer.from(filled(body, known), 'latin1')
      : Buffer.from(JSON.stringify(filledIn(json, known)));
  const hasBody = json !== undefined || body !== '';
  const lines = [`${filled(line, known)} HTTP/1.1`, 'Host: archive.example'];
  const withLength = new Map([...known, ['length', String(whole.length)]]);
  lines.push(...headers.map((header) => filled(header, withLength)));
  if (hasBody && chunkBytes === undefined) lines.push(`Content-Length: ${whole.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, ...(chunkBytes === undefined ? [whole] : chunksOf(whole, chunkBytes))]);
}

/** The chunked transfer coding (RFC 9112, section 7.1). */
function chunksOf(whole: Buffer, chunkBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; at += chunkBytes) {
    const piece = whole.subarray(at, at + chunkBytes);
    pieces.push(Buffer.from(`${piece.length.toString(16).toUpperCase()}\r\n`), piece, Buffer.from('\r\n'));
  }
  return [...pieces, Buffer.from('0\r\n\r\n')];
}

function expectRecorded(answer: RawAnswer, recorded: RecordedResponse, known: Known): void {
  expect(answer.status, answer.body.toString()).toBe(recorded.status);
  expect(answer.interim).toEqual(recorded.interim ?? []);
  for (const [header, value] of Object.entries(recorded.headers)) {
    expect(answer.headers.get(header) ?? null, header).toEqual(accepting(value, known));
  }
  if (recorded.json === undefined) {
    expect(answer.body.toString('latin1')).toBe(filled(recorded.body ?? '', known));
  } else {
    // Strict, so that a key with null and a key left out are told apart.
    expect(JSON.parse(answer.body.toString())).toStrictEqual(accepting(recorded.json, known));
  }
}

function isRecorded(answer: RawAnswer, recorded: RecordedResponse, known: Known): boolean {
  try {
    expectRecorded(answer, recorded, known);
    return true;
  } catch {
    return false;
  }
}
