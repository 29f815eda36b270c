/** An archive with a lenient listener beside its main one, both plain, and requests as only that listener takes them. */
import type { FastifyInstance } from 'fastify';
import { buildServer } from '../../src/http/server.ts';
import { callInfo, dataPart, formOf, formType, infoPart } from './creovai-forms.ts';
import { startApp, type TestApp } from './harness.ts';
import { HookedFaults } from './hooked-faults.ts';
import type { RawConnection } from './raw-http.ts';

export type LenientScene = {
  app: TestApp;
  faults: HookedFaults;
  lenient: FastifyInstance;
  /** Where the lenient listener is, and the main one. */
  origin: string;
  mainOrigin: string;
  bearer: string;
  /** An upload in chunks of the call `session`, with these headers for its lengths. */
  upload(session: string, lengths: readonly string[], more?: readonly string[]): Buffer;
  recordingOf(callId: string): Promise<Buffer>;
  close(): Promise<void>;
};

export const hostHeader = 'Host: archive.example';
export const chunkedHeader = 'Transfer-Encoding: chunked';

/** The two lengths in both orders: Node's parser treats them apart. */
export const bothOrders: [order: string, headers: (bytes: number) => string[]][] = [
  ['chunks first', (bytes) => [chunkedHeader, `Content-Length: ${bytes}`]],
  ['length first', (bytes) => [`Content-Length: ${bytes}`, chunkedHeader]],
];

export async function startLenientScene(): Promise<LenientScene> {
  const faults = new HookedFaults();
  const app = await startApp({ faults });
  const mainOrigin = await app.listen();
  const lenient = buildServer(app.engine, { trustProxy: [], publicUrl: () => mainOrigin, isLenient: true });
  const origin = await lenient.listen({ host: '127.0.0.1', port: 0 });
  const authorization = `Bearer ${await app.token()}`;
  const bearer = `Authorization: ${authorization}`;
  return {
    app,
    faults,
    lenient,
    origin,
    mainOrigin,
    bearer,
    upload(session, lengths, more = []) {
      const form = formOf([infoPart(callInfo(session)), dataPart()]);
      const headers = [hostHeader, bearer, `Content-Type: ${formType}`, ...lengths, ...more];
      return plainRequest('POST /callCapture/v1/archive', headers, inChunks(form));
    },
    async recordingOf(callId) {
      const url = `/v1/calls/${callId}/recording`;
      return (await app.http.inject({ method: 'GET', url, headers: { authorization } })).rawPayload;
    },
    async close() {
      await lenient.close();
      await app.close();
    },
  };
}

/** A request of these lines and nothing else. */
export function plainRequest(line: string, headers: readonly string[], body: string | Buffer = ''): Buffer {
  const head = [`${line} HTTP/1.1`, ...headers].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

/** A body as the C++ client writes it. */
export function inChunks(body: Buffer, chunkBytes = 1000): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const piece = body.subarray(at, at + chunkBytes);
    pieces.push(Buffer.from(`${piece.length.toString(16).toUpperCase()}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** The statuses that came on a connection, in order, once it is over. */
export async function statusesOf(connection: RawConnection): Promise<number[]> {
  await connection.closed;
  return statusesIn(connection.pending.toString('latin1'));
}

export function statusesIn(answers: string): number[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}
