import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenForMetrics, type MetricsListener } from './listener.ts';

const at = { host: '127.0.0.1', port: 0 };
let text: () => Promise<string>;
let listener: MetricsListener;

beforeEach(async () => {
  text = async () => 'a 1\n';
  const page = { contentType: 'text/plain; version=0.0.4; charset=utf-8', page: async () => await text() };
  listener = await listenForMetrics(at, page);
});
afterEach(async () => await listener.close());

describe('the listener', () => {
  test('serves the page to GET, whatever the query', async () => {
    for (const query of ['', '?x=1']) {
      const answer = await fetch(`${listener.url}${query}`);
      expect([answer.status, await answer.text()]).toEqual([200, 'a 1\n']);
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    }
  });

  test('serves nothing else', async () => {
    for (const path of ['', '/', '/metrics/', '/healthz', '/v1/calls/1', '/..%2fmetrics']) {
      expect((await fetch(`${new URL(listener.url).origin}${path}`)).status, path).toBe(404);
    }
    for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(listener.url, { method });
      expect([answer.status, answer.headers.get('allow')], method).toEqual([405, 'GET']);
    }
  });

  test('answers 500 for a page that could not be written, without its reason, and lives', async () => {
    text = async () => {
      throw new Error('why');
    };
    const answer = await fetch(listener.url);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('why');
    text = async () => 'b 2\n';
    expect((await fetch(listener.url)).status).toBe(200);
  });

  test('closes at once, whoever is still connected', async () => {
    const { hostname, port } = new URL(listener.url);
    const socket = connect(Number(port), hostname);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n');
    await listener.close();
    await closed;
    listener = await listenForMetrics(at, { contentType: 'text/plain', page: async () => '' });
  });

  test('rejects where somebody else listens', async () => {
    const port = Number(new URL(listener.url).port);
    const again = listenForMetrics({ host: '127.0.0.1', port }, { contentType: 'a/b', page: async () => '' });
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
