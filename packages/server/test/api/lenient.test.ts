import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer } from '../../src/http/server.ts';
import { audio, callInfo, dataPart, formOf, holdings, infoPart } from '../support/creovai-forms.ts';
import {
  bothOrders,
  chunkedHeader,
  hostHeader,
  inChunks,
  type LenientScene,
  plainRequest,
  startLenientScene,
  statusesOf,
} from '../support/lenient-scene.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';
import { until } from '../support/until.ts';

let scene: LenientScene;
let origin: string;
let mainOrigin: string;

beforeAll(async () => {
  scene = await startLenientScene();
  ({ origin, mainOrigin } = scene);
});

afterAll(async () => await scene.close());

describe.each(bothOrders)('an upload in chunks that announces a length too, %s,', (order, lengths) => {
  const body = formOf([infoPart(callInfo(order)), dataPart()]);

  test.each([
    ['the true one', body.length],
    ['too short a one', 3],
    ['nothing', 0],
    ['more than may be uploaded', 999_999_999_999],
  ])('is taken by its chunks alone, whatever it announces: %s', async (_name, bytes) => {
    const connection = new RawConnection(origin);
    await connection.send(scene.upload(`${order} ${bytes}`, lengths(bytes)));
    const answer = await connection.answer();
    expect(answer.status, answer.body.toString()).toBe(200);
    const { callId } = JSON.parse(answer.body.toString()) as { callId: string };
    expect((await scene.recordingOf(callId)).equals(audio)).toBe(true);
    connection.close();
  });

  test('is the last of its connection, which the answer says', async () => {
    const connection = new RawConnection(origin);
    await connection.send(scene.upload(`${order} last`, lengths(7), ['Connection: keep-alive']));
    expect((await connection.answer()).headers.get('connection')).toBe('close');
    await connection.closed;
  });

  test('is refused readably by the main listener, and nothing of it stays', async () => {
    const before = await holdings(scene.app);
    const connection = new RawConnection(mainOrigin);
    await connection.send(scene.upload(`${order} refused`, lengths(body.length)));
    const answer = await connection.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([400, 'close']);
    expect(JSON.parse(answer.body.toString())).toEqual({
      error: 'The request is not valid HTTP',
      message: 'The request is not valid HTTP',
    });
    await connection.closed;
    expect(await holdings(scene.app)).toEqual(before);
  });
});

describe('what comes behind the last request of a connection', () => {
  test.each(['nonsense\r\n\r\n', 'GET / HTTP/1.1\r\nX: \0\r\n\r\n', 'GET /healthz HTT', '\r\n\r\n'])(
    'costs the client nothing of its answer: %j',
    async (rest) => {
      const connection = new RawConnection(origin);
      const first = scene.upload(`behind ${rest.length}`, [chunkedHeader, 'Content-Length: 5']);
      await connection.send(Buffer.concat([first, Buffer.from(rest)]));
      expect(await statusesOf(connection)).toEqual([200]);
      expect(connection.pending.toString()).toMatch(/\r\n\r\n\{"callId":"[0-9a-f-]{36}"\}$/);
    },
  );
});

describe('a request with both lengths that goes wrong', () => {
  const lengths = [chunkedHeader, 'Content-Length: 5'];

  test.each([
    ['a chunk without a size', 'nonsense\r\n'],
    ['an end before the last chunk', ''],
  ])('by %s is refused, and nothing of it stays', async (_name, rest) => {
    const before = await holdings(scene.app);
    const whole = scene.upload(`broken ${rest.length}`, lengths);
    const connection = new RawConnection(origin);
    await connection.send(Buffer.concat([whole.subarray(0, whole.length - 5), Buffer.from(rest)]));
    connection.finish();
    expect(await statusesOf(connection)).toEqual([400]);
    await until(async () => JSON.stringify(await holdings(scene.app)) === JSON.stringify(before));
  });

  test('by its credentials hears so, though it sends all of its body first', async () => {
    const headers = [hostHeader, 'Authorization: Bearer nonsense', ...lengths];
    const body = inChunks(Buffer.alloc(24 * 1024 * 1024, 'x'), 65_536);
    const connection = new RawConnection(origin);
    await connection.send(plainRequest('POST /callCapture/v1/archive', headers, body));
    expect(await statusesOf(connection)).toEqual([401]);
  });
});

describe('every other request', () => {
  const status = '{"callSessionIds":["a"]}';
  const statusLine = 'POST /callCapture/v1/status';

  test('leaves its connection open for the next, and for one with both lengths at last', async () => {
    const connection = new RawConnection(origin);
    const chunked = plainRequest(
      statusLine,
      [hostHeader, scene.bearer, chunkedHeader],
      inChunks(Buffer.from(status), 5),
    );
    const announced = rawRequest(statusLine, [scene.bearer], status);
    for (const bytes of [announced, chunked, rawRequest('GET /healthz', []), Buffer.concat([chunked, announced])]) {
      await connection.send(bytes);
    }
    for (let count = 0; count < 5; count += 1) {
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'keep-alive']);
    }
    await connection.send(scene.upload('at last', [chunkedHeader, 'Content-Length: 5']));
    expect((await connection.answer()).status).toBe(200);
    await connection.closed;
  });

  test('that expects 100-continue hears it before a byte of its body has come, also with both lengths', async () => {
    const connection = new RawConnection(origin);
    const whole = scene.upload('expecting', [chunkedHeader, 'Content-Length: 5'], ['Expect: 100-continue']);
    const bodyAt = whole.indexOf('\r\n\r\n') + 4;
    await connection.send(whole.subarray(0, bodyAt));
    expect(await connection.interim()).toBe(100);
    await connection.send(whole.subarray(bodyAt));
    expect((await connection.answer()).status).toBe(200);
    await connection.closed;
  });

  const get = 'GET /healthz HTTP/1.1\r\n';
  const post = 'POST /nothing HTTP/1.1\r\nHost: a\r\n';
  test.each([
    `${get}Host: a\r\n\r\n`,
    `${get}\r\n`,
    `${get}Host: a\r\nX: a\x01b\r\n\r\n`,
    `${get}Host: a\r\nX: a\0b\r\n\r\n`,
    `${get}Host: a\r\nX: a\x7fb\r\n\r\n`,
    `${get}Host: a\r\nX: a\xe9b\r\n\r\n`,
    `${get}Host: a\r\nX : a\r\n\r\n`,
    `${get}Host: a\r\nX Y: a\r\n\r\n`,
    `${get}Host: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    'GET /healthz HTTP/1.9\r\nHost: a\r\n\r\n',
    'GET /healthz HTTP/1.0\r\n\r\n',
    'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n',
    'nonsense\r\n\r\n',
    `${post}Content-Length: 2\r\n\r\nab`,
    `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab`,
    `${post}Content-Length: +2\r\n\r\nab`,
    `${post}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding: gzip\r\n\r\nab`,
    `${post}Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`,
    `${post}Expect: wonders\r\nContent-Length: 2\r\n\r\nab`,
    `${post}Connection: close\r\nContent-Length: 2\r\n\r\nab`,
  ])('is answered as on the main listener: %j', async (bytes) => {
    const answers = [];
    for (const at of [mainOrigin, origin]) {
      const { status, headers } = await sendRaw(at, Buffer.from(bytes, 'latin1'));
      answers.push([status, headers.get('connection')]);
    }
    expect(answers[1]).toEqual(answers[0]);
  });

  test('reaches every surface', async () => {
    const answers = await Promise.all([
      sendRaw(origin, rawRequest('GET /readyz', [])),
      sendRaw(origin, rawRequest('POST /Token', [], 'grant_type=other')),
      sendRaw(origin, rawRequest('POST /v1/token', [], 'grant_type=other')),
      sendRaw(origin, rawRequest('POST /callCapture/v1/status', [scene.bearer], '{"callSessionIds":[]}')),
    ]);
    expect(answers.map(({ status: of }) => of)).toEqual([200, 400, 400, 200]);
  });
});

test('a lenient server that closes lets an upload with both lengths end', async () => {
  const own = buildServer(scene.app.engine, { trustProxy: [], publicUrl: () => mainOrigin, isLenient: true });
  const connection = new RawConnection(await own.listen({ host: '127.0.0.1', port: 0 }));
  const finishing = scene.faults.stop('archive:sealed');
  await connection.send(scene.upload('closing', [chunkedHeader, 'Content-Length: 5']));
  await finishing.reached;
  const closed = own.close();
  finishing.goOn();
  expect((await connection.answer()).status).toBe(200);
  await closed;
});
