import type { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { archiveCall, audio, callInfo } from '../support/creovai-forms.ts';
import {
  bothOrders,
  chunkedHeader,
  hostHeader,
  type LenientScene,
  plainRequest,
  startLenientScene,
  statusesOf,
} from '../support/lenient-scene.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';
import { until } from '../support/until.ts';

let scene: LenientScene;
let connection: RawConnection;
let victimId: string;
/** A request that is never to be handled, since it would purge a call. */
let smuggled: Buffer;

beforeAll(async () => {
  scene = await startLenientScene();
});

beforeEach(async () => {
  connection = new RawConnection(scene.origin);
  const info = callInfo(`victim ${Math.random()}`);
  victimId = await archiveCall(scene.app, scene.bearer.replace('Authorization: Bearer ', ''), info);
  const headers = [scene.bearer, 'Content-Type: application/json'];
  smuggled = rawRequest('POST /purge/v1/calls', headers, JSON.stringify({ ids: [victimId] }));
});

afterAll(async () => await scene.close());

const archiveRoute = '/callCapture/v1/archive';
const lengths = [chunkedHeader, 'Content-Length: 2'];

/**
 * Expects that the connection ends after these answers, that only these routes have handled anything since `send` was
 * called, and that the victim still plays.
 */
async function expectOnly(expected: { statuses: number[]; routes: string[] }, send: () => Promise<void>) {
  const before = scene.app.logged.length;
  const routes = () =>
    scene.app.logged.slice(before).flatMap((text) => {
      const line = JSON.parse(text) as { event: string; route?: string };
      return line.event === 'http' ? [line.route] : [];
    });
  await send();
  expect(await statusesOf(connection)).toEqual(expected.statuses);
  // A connection that has ended has its lines before those of a later one.
  await sendRaw(scene.origin, rawRequest('GET /healthz', []));
  await until(async () => routes().includes('/healthz'));
  expect(routes()).toEqual([...expected.routes, '/healthz']);
  expect((await scene.recordingOf(victimId)).equals(audio)).toBe(true);
}

test.each(bothOrders)(
  'a request in one packet with an upload of two lengths is never handled: %s',
  async (order, of) => {
    await expectOnly({ statuses: [200], routes: [archiveRoute] }, async () => {
      await connection.send(Buffer.concat([scene.upload(order, of(1)), smuggled, smuggled]));
    });
  },
);

test('a request right behind an upload of two lengths, while that is being handled, is never handled', async () => {
  connection.close();
  const serverSide = new Promise<Socket>((resolve) => scene.lenient.server.once('connection', resolve));
  connection = new RawConnection(scene.origin);
  const first = scene.upload('right behind', lengths);
  // With a body longer than what a server takes of one that nobody reads.
  const more = rawRequest('POST /callCapture/v1/status', [scene.bearer], Buffer.alloc(200_000));
  const finishing = scene.faults.stop('archive:sealed');
  await expectOnly({ statuses: [200], routes: [archiveRoute] }, async () => {
    await connection.send(first);
    await finishing.reached;
    await connection.send(Buffer.concat([smuggled, more]));
    const sentBytes = first.length + smuggled.length + more.length;
    await until(async () => (await serverSide).bytesRead === sentBytes);
    finishing.goOn();
  });
});

test('a request hidden in what the length alone would make part of a body is never handled', async () => {
  const headers = [hostHeader, scene.bearer, chunkedHeader, `Content-Length: ${5 + smuggled.length}`];
  await expectOnly({ statuses: [404], routes: ['unmatched'] }, async () => {
    await connection.send(Buffer.concat([plainRequest('POST /nothing', headers, '0\r\n\r\n'), smuggled]));
  });
});

describe('a request is never handled behind one', () => {
  const manyHeaders = Array.from({ length: 1500 }, () => 'a:');
  const post = 'POST /nothing';

  test.each<[string, string, readonly string[]]>([
    ['that is refused before any route is looked for', 'POST /%zz', [hostHeader, ...lengths]],
    ['of no route', post, [hostHeader, ...lengths]],
    ['that expects 100-continue', post, [hostHeader, 'Expect: 100-continue', ...lengths]],
    ['whose lengths come after more headers than Node shows', post, [hostHeader, ...manyHeaders, ...lengths]],
    ['that would like another protocol', post, [hostHeader, 'Connection: upgrade', 'Upgrade: h2c', ...lengths]],
    ['that says it is the last', post, [hostHeader, 'Connection: keep-alive, Close', chunkedHeader]],
  ])('%s', async (_name, line, headers) => {
    const status = line === post ? 404 : 400;
    await expectOnly({ statuses: [status], routes: ['unmatched'] }, async () => {
      await connection.send(Buffer.concat([plainRequest(line, headers, '2\r\nab\r\n0\r\n\r\n'), smuggled]));
    });
  });

  test.each<[string, readonly string[], number]>([
    ['without a Host', lengths, 400],
    ['with an expectation that nobody knows', [hostHeader, 'Expect: wonders', ...lengths], 417],
    ['whose length is written with a space', [hostHeader, chunkedHeader, 'Content-Length : 2'], 400],
    ['whose coding is written with a space', [hostHeader, 'Transfer-Encoding : chunked', 'Content-Length: 2'], 400],
    [
      'whose coding hides a control character',
      [hostHeader, 'Transfer-Encoding: \x0bchunked', 'Content-Length: 2'],
      400,
    ],
    ['whose coding is unknown', [hostHeader, 'Transfer-Encoding: xchunked', 'Content-Length: 2'], 400],
    ['whose last coding is another', [hostHeader, 'Transfer-Encoding: chunked, identity', 'Content-Length: 2'], 400],
    ['with a coding that has no end', [hostHeader, 'Transfer-Encoding: identity', 'Content-Length: 2'], 400],
  ])('%s, which no handler sees either', async (_name, headers, status) => {
    await expectOnly({ statuses: [status], routes: [] }, async () => {
      await connection.send(Buffer.concat([plainRequest(post, headers, '2\r\nab\r\n0\r\n\r\n'), smuggled]));
    });
  });

  test('of version 1.0, whose connection ends with it', async () => {
    await expectOnly({ statuses: [200], routes: ['/readyz'] }, async () => {
      await connection.send(Buffer.concat([Buffer.from('GET /readyz HTTP/1.0\r\n\r\n'), smuggled]));
    });
  });
});
