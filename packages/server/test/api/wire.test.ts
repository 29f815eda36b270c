import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audio, callInfo, dataPart, formOf, formType, holdings, infoPart } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';

let app: TestApp;
let origin: string;
let token: string;

beforeAll(async () => {
  app = await startApp();
  origin = await app.listen();
  token = await app.token();
});
afterAll(async () => await app.close());

const archive = 'POST /callCapture/v1/archive';
const bearer = () => `Authorization: Bearer ${token}`;

/** Every byte there is, then everything that a reader of text or lines would change. */
const awkward = Buffer.concat([audio, Buffer.from('\r\n\r\n--b\r\n--\n\r\ufeff\u2028'), Buffer.alloc(70_000, '\r\n-')]);

async function recordingOf(body: Buffer): Promise<Buffer> {
  const { callId } = JSON.parse(body.toString()) as { callId: string };
  const headers = { authorization: `Bearer ${token}` };
  return (await app.http.inject({ method: 'GET', url: `/v1/calls/${callId}/recording`, headers })).rawPayload;
}

describe('a recording is kept bit for bit', () => {
  test('as the .NET client sends it: unquoted names, no filename, types first', async () => {
    const boundary = '5c4ad5f8-1111-4222-8333-0123456789ab';
    const body = Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Disposition: form-data; name=info\r\n\r\n${JSON.stringify(callInfo('net'))}\r\n` +
          `--${boundary}\r\nContent-Type: audio/wav\r\nContent-Disposition: form-data; name=data\r\n\r\n`,
      ),
      awkward,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const type = `Content-Type: multipart/form-data; boundary="${boundary}"`;
    const answer = await sendRaw(origin, rawRequest(archive, [bearer(), type], body));
    expect(answer.status, answer.body.toString()).toBe(200);
    expect((await recordingOf(answer.body)).equals(awkward)).toBe(true);
  });

  test('as the C++ client sends it: chunked, quoted names, a filename, a slash too many', async () => {
    const form = formOf([infoPart(callInfo('cpp')), dataPart(awkward)]);
    const connection = new RawConnection(origin);
    const head = `POST //callCapture/v1/archive HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n${bearer()}\r\nContent-Type: ${formType}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await connection.send(head);
    for (let at = 0; at < form.length; at += 8191) {
      const piece = form.subarray(at, at + 8191);
      await connection.send(
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
      );
    }
    await connection.send('0\r\n\r\n');
    const answer = await connection.answer();
    expect(answer.status, answer.body.toString()).toBe(200);
    await connection.closed;
    expect((await recordingOf(answer.body)).equals(awkward)).toBe(true);
  });

  test('with the recording before its description, and parts of other names in between', async () => {
    const other = { headers: ['Content-Disposition: form-data; name="note"'], body: 'skipped' };
    const form = formOf([other, dataPart(awkward), other, infoPart(callInfo('turned')), other]);
    const answer = await sendRaw(origin, rawRequest(archive, [bearer(), `Content-Type: ${formType}`], form));
    expect(answer.status, answer.body.toString()).toBe(200);
    expect((await recordingOf(answer.body)).equals(awkward)).toBe(true);
  });
});

describe('Expect: 100-continue', () => {
  const form = () => formOf([infoPart(callInfo('expected')), dataPart()]);
  const head = (authorization: string) =>
    `${archive} HTTP/1.1\r\nHost: a\r\n${authorization}\r\nContent-Type: ${formType}\r\nExpect: 100-continue\r\nContent-Length: ${form().length}\r\n\r\n`;

  test('is honoured before a byte of the body has come', async () => {
    const connection = new RawConnection(origin);
    await connection.send(head(bearer()));
    await connection.interim();
    await connection.send(form());
    expect((await connection.answer()).status).toBe(200);
    connection.close();
  });

  test('is spared a client that will be refused', async () => {
    const connection = new RawConnection(origin);
    await connection.send(head('Authorization: Bearer nonsense'));
    const answer = await connection.answer();
    expect([answer.status, answer.interim, answer.headers.get('connection')]).toEqual([401, [], 'close']);
    connection.close();
  });
});

describe('an early refusal', () => {
  const large = Buffer.alloc(24 * 1024 * 1024, 'x');

  test.each([
    ['401', archive, 'Authorization: Bearer nonsense', 401],
    ['404', 'POST /nothing', 'Authorization: Bearer nonsense', 404],
    ['413', 'POST /purge/v1/calls', undefined, 413],
    ['400', archive, undefined, 400],
  ])('%s reaches a client that sends its whole body first', async (_name, line, authorization, status) => {
    const before = await holdings(app);
    const request = rawRequest(line, [authorization ?? bearer(), 'Content-Type: application/json'], large);
    const connection = new RawConnection(origin);
    await connection.send(request);
    const answer = await connection.answer();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('connection')).toBe('close');
    expect(JSON.parse(answer.body.toString())).toHaveProperty('message');
    await connection.closed;
    expect(await holdings(app)).toEqual(before);
  });
});

test('a client that goes on sending long after its refusal is cut off', async () => {
  const connection = new RawConnection(origin);
  await connection.send('POST /Token HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n');
  expect((await connection.answer()).status).toBe(400);
  const piece = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < 80; sent += 1) await connection.send(piece);
  await connection.closed;
});

describe('one connection', () => {
  test('serves many requests, refused ones with short bodies among them', async () => {
    const connection = new RawConnection(origin);
    const status = '{"callSessionIds":["a"]}';
    const requests: [Buffer, number][] = [
      [rawRequest('GET /healthz', []), 200],
      [rawRequest('POST /callCapture/v1/status', [bearer()], status), 200],
      [rawRequest('POST /callCapture/v1/status', ['Authorization: Bearer nonsense'], status), 401],
      [rawRequest('POST /nothing', [], status), 404],
      [rawRequest('HEAD /healthz', []), 200],
    ];
    for (const [request, expected] of requests.slice(0, 4)) {
      await connection.send(request);
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('connection')]).toEqual([expected, 'keep-alive']);
    }
    // And all at once.
    await connection.send(Buffer.concat(requests.slice(0, 4).map(([request]) => request)));
    for (const [, expected] of requests.slice(0, 4)) expect((await connection.answer()).status).toBe(expected);
    connection.close();
  });

  test('that carries no HTTP, too long a header or two lengths is answered in JSON and closed', async () => {
    const both = rawRequest('POST /callCapture/v1/status', [bearer(), 'Transfer-Encoding: chunked'], '{}');
    const cases: [string | Buffer, number][] = [
      ['nonsense\r\n\r\n', 400],
      [`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      [both, 400],
      ['GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ];
    for (const [request, expected] of cases) {
      const connection = new RawConnection(origin);
      await connection.send(request);
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        expected,
        'application/json; charset=utf-8',
      ]);
      expect(JSON.parse(answer.body.toString())).toEqual({ error: expect.any(String), message: expect.any(String) });
      await connection.closed;
    }
  });

  test('with nonsense after a good request gets the one answer whole and is closed', async () => {
    const connection = new RawConnection(origin);
    await connection.send(Buffer.concat([rawRequest('GET /healthz', []), Buffer.from('nonsense\r\n\r\n')]));
    await connection.closed;
    expect(connection.pending.toString().match(/HTTP\/1\.1/g)?.length).toBeLessThanOrEqual(2);
    expect(connection.pending.toString()).toMatch(/^HTTP\/1\.1 (200|400) /);
  });
});

test('nothing is ever redirected: a slash at the end is the same path', async () => {
  const answer = await sendRaw(origin, rawRequest('POST /callCapture/v1/status/', [bearer()], '{"callSessionIds":[]}'));
  expect([answer.status, answer.headers.get('location')]).toEqual([200, undefined]);
});

test('a server that closes lets a request under way end', async () => {
  let named: () => void = () => undefined;
  const underWay = new Promise<void>((resolve) => {
    named = resolve;
  });
  const faults = { at: (point: string) => (point === 'archive:named' ? named() : undefined) };
  const own = await startApp({ workers: 0, faults });
  const connection = new RawConnection(await own.listen());
  const headers = [`Authorization: Bearer ${await own.token()}`, `Content-Type: ${formType}`];
  const request = rawRequest(archive, headers, formOf([infoPart(callInfo('closing')), dataPart()]));
  await connection.send(request.subarray(0, request.length - 10));
  await underWay;
  const closed = own.close();
  await connection.send(request.subarray(request.length - 10));
  expect((await connection.answer()).status).toBe(200);
  await closed;
});
