import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer } from '../../src/http/server.ts';
import { TlsListeners } from '../../src/http/tls.ts';
import { audio, callInfo, dataPart, formOf, formType, holdings, infoPart } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { inChunks, plainRequest, statusesIn } from '../support/lenient-scene.ts';
import { rawRequest } from '../support/raw-http.ts';
import { makeCertificate, type TestCertificate } from '../support/tls-certificates.ts';
import { TlsConnection } from '../support/tls-connection.ts';
import { until } from '../support/until.ts';

let app: TestApp;
let certificate: TestCertificate;
let listeners: TlsListeners;
let token: string;
const servers: FastifyInstance[] = [];
const origins = { strict: '', lenient: '' };

beforeAll(async () => {
  app = await startApp();
  certificate = await makeCertificate(app.folder, 'first.example');
  listeners = new TlsListeners(certificate);
  for (const kind of ['strict', 'lenient'] as const) {
    const server = newServer(kind);
    servers.push(server);
    origins[kind] = await originOf(server);
  }
  token = await app.token();
});

afterAll(async () => {
  await Promise.all(servers.map(async (server) => await server.close()));
  await app.close();
});

function newServer(kind: 'strict' | 'lenient'): FastifyInstance {
  const options = { trustProxy: [], publicUrl: () => origins.strict, tls: listeners };
  return buildServer(app.engine, { ...options, isLenient: kind === 'lenient' });
}

async function originOf(server: FastifyInstance): Promise<string> {
  return (await server.listen({ host: '127.0.0.1', port: 0 })).replace('http:', 'https:');
}

async function open(kind: 'strict' | 'lenient'): Promise<TlsConnection> {
  return await TlsConnection.open(origins[kind], certificate.cert);
}

async function connectionsOf({ server }: FastifyInstance): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Sends one request and takes all that comes until the server ends the connection. */
async function send(kind: 'strict' | 'lenient', ...pieces: (string | Buffer)[]): Promise<string> {
  const connection = await open(kind);
  for (const piece of pieces) connection.send(piece);
  return await connection.closed;
}

function bodyIn(answer: string): Record<string, string> {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, string>;
}

const bearer = () => `Authorization: Bearer ${token}`;

/** An upload as the C++ client writes it, but for the size of its chunks. */
function cppUpload(session: string, accessToken: string, recording: Buffer): Buffer {
  const boundary = 'MIME_boundary_0123456789ABCDEF';
  const form = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="info"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(callInfo(session))}\r\n` +
        `--${boundary}\r\nContent-Disposition: form-data; name="data"; filename="call.wav"\r\nContent-Type: audio/wav\r\n\r\n`,
    ),
    recording,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const headers = [
    'Transfer-Encoding: chunked',
    `Authorization: Bearer ${accessToken}`,
    `Content-Type: multipart/form-data; boundary="${boundary}"`,
    `Content-Length: ${form.length}`,
    'Host: archive.example',
    'Connection: Close',
  ];
  return plainRequest('POST /callCapture/v1/archive', headers, inChunks(form, 8189));
}

describe('the C++ client, which speaks TLS alone, on the lenient listener', () => {
  const recording = Buffer.concat([audio, Buffer.alloc(150_000, '\r\n-'), audio]);

  test('takes a token, archives a call bit for bit, and sees its status', async () => {
    const { clientId, clientSecret } = app.client;
    const form = `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`;
    const close = 'Connection: Close';
    const type = 'Content-Type: application/x-www-form-urlencoded';
    const granted = await send('lenient', rawRequest('POST /Token', [type, close], form));
    expect(statusesIn(granted)).toEqual([200]);
    const { access_token: mine = '' } = bodyIn(granted);
    const archived = await send('lenient', cppUpload('cpp', mine, recording));
    expect(statusesIn(archived)).toEqual([200]);
    expect(archived).toMatch(/^content-type: application\/json; charset=utf-8\r$/im);
    expect(archived).toMatch(/^connection: close\r$/im);
    const authorization = `Authorization: Bearer ${mine}`;
    const status = await send(
      'lenient',
      rawRequest('POST /callCapture/v1/status', [authorization, close], '{"CallSessionIds":["cpp"]}'),
    );
    expect(bodyIn(status)).toMatchObject({ callSessions: [{ sessionId: 'cpp', status: 'Complete' }] });
    const { callId } = bodyIn(archived);
    const played = await send('lenient', rawRequest(`GET /v1/calls/${callId}/recording`, [authorization, close]));
    expect(Buffer.from(played.slice(played.indexOf('\r\n\r\n') + 4), 'latin1').equals(recording)).toBe(true);
  });

  test('has nothing smuggled in behind its upload, in the same packet', async () => {
    const before = app.logged.length;
    const upload = cppUpload('cpp and more', token, Buffer.alloc(100));
    const smuggled = rawRequest('POST /purge/v1/calls', [bearer()], '{"ids":[]}');
    expect(statusesIn(await send('lenient', Buffer.concat([upload, smuggled, smuggled])))).toEqual([200]);
    await send('lenient', rawRequest('GET /healthz', ['Connection: close']));
    await until(async () => app.logged.slice(before).some((line) => line.includes('/healthz')));
    expect(app.logged.slice(before).filter((line) => line.includes('/purge/'))).toEqual([]);
  });

  test('is refused readably on the main listener', async () => {
    const answer = await send('strict', cppUpload('cpp refused', token, audio));
    expect(statusesIn(answer)).toEqual([400]);
    expect(bodyIn(answer)).toEqual({
      error: 'The request is not valid HTTP',
      message: 'The request is not valid HTTP',
    });
  });
});

describe.each(['strict', 'lenient'] as const)('over TLS the %s listener', (kind) => {
  const form = (session: string) => formOf([infoPart(callInfo(`${kind} ${session}`)), dataPart()]);
  const archive = 'POST /callCapture/v1/archive';
  const headers = () => [bearer(), `Content-Type: ${formType}`, 'Connection: close'];

  test('honours Expect: 100-continue before a byte of the body has come', async () => {
    const connection = await open(kind);
    const request = rawRequest(archive, [...headers(), 'Expect: 100-continue'], form('expecting'));
    const bodyAt = request.indexOf('\r\n\r\n') + 4;
    connection.send(request.subarray(0, bodyAt));
    await until(async () => connection.received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    connection.send(request.subarray(bodyAt));
    expect(statusesIn(await connection.closed)).toEqual([100, 200]);
  });

  test('serves many requests on one connection', async () => {
    const connection = await open(kind);
    for (let count = 1; count <= 3; count += 1) {
      connection.send(rawRequest('GET /healthz', []));
      await until(async () => statusesIn(connection.received).length === count);
    }
    connection.send(rawRequest('GET /healthz', ['Connection: close']));
    expect(statusesIn(await connection.closed)).toEqual([200, 200, 200, 200]);
  });

  test('answers a client that says in the middle of its upload that no more will come, and keeps nothing', async () => {
    const before = await holdings(app);
    const connection = await open(kind);
    connection.send(rawRequest(archive, headers(), form('cut')).subarray(0, -50));
    connection.finish();
    expect(statusesIn(await connection.closed)).toEqual([400]);
    await until(async () => JSON.stringify(await holdings(app)) === JSON.stringify(before));
  });

  test('tells a client so that is refused, though it sends all of its body first', async () => {
    const large = rawRequest(archive, ['Authorization: Bearer nonsense'], Buffer.alloc(24 * 1024 * 1024));
    expect(statusesIn(await send(kind, large))).toEqual([401]);
  });

  test('ends what is no TLS, says so in the log, and goes on', async () => {
    const port = Number(new URL(origins[kind]).port);
    const failed = app.nextLog(({ event }) => event === 'tls.handshake_failed');
    const plain = connect(port, '127.0.0.1').on('error', () => undefined);
    const ended = new Promise((resolve) => plain.once('close', resolve));
    plain.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await ended;
    expect(await failed).toMatchObject({ error: 'ERR_SSL_HTTP_REQUEST' });
    expect(statusesIn(await send(kind, rawRequest('GET /healthz', ['Connection: close'])))).toEqual([200]);
  });

  test('refuses versions of TLS that are broken', async () => {
    const { hostname: host, port } = new URL(origins[kind]);
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const refused = new Promise((resolve) => {
      connectTls({ host, port: Number(port), ca: certificate.cert, ...old }).once('error', resolve);
    });
    expect(await refused).toMatchObject({ code: expect.stringContaining('PROTOCOL_VERSION') });
  });
});

test('a client that goes away before its handshake is gone at once, and nobody speaks of it', async () => {
  const before = app.logged.length;
  const server = newServer('strict');
  const gone = connect(Number(new URL(await originOf(server)).port), '127.0.0.1');
  await new Promise((resolve) => server.server.once('connection', resolve));
  gone.destroy();
  await until(async () => (await connectionsOf(server)) === 0);
  await server.close();
  expect(app.logged.slice(before).filter((line) => line.includes('tls.'))).toEqual([]);
});

test('a listener closes although somebody has connected and never begins the handshake', async () => {
  const server = newServer('strict');
  const silent = connect(Number(new URL(await originOf(server)).port), '127.0.0.1').on('error', () => undefined);
  const ended = new Promise((resolve) => silent.once('close', resolve));
  await new Promise((resolve) => server.server.once('connection', resolve));
  await server.close();
  await ended;
});

test('a new certificate is shown to new connections on every listener, and those that stand go on', async () => {
  const standing = await Promise.all([open('strict'), open('lenient')]);
  const second = await makeCertificate(app.folder, 'second.example', 'rsa');
  listeners.renew(second);
  const late = newServer('strict');
  servers.push(late);
  const shown = [];
  for (const origin of [origins.strict, origins.lenient, await originOf(late)]) {
    const connection = await TlsConnection.open(origin, second.cert);
    shown.push(connection.peerName);
    connection.close();
  }
  expect(shown).toEqual(['second.example', 'second.example', 'second.example']);
  for (const connection of standing) {
    connection.send(rawRequest('GET /healthz', ['Connection: close']));
    expect(statusesIn(await connection.closed)).toEqual([200]);
    expect(connection.peerName).toBe('first.example');
  }
  listeners.renew(certificate);
});
