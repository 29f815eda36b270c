import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import { exampleOf, nameOf, rowOf, rows } from './creovai-rows.ts';
import { readRecordings } from './recording.ts';
import { replay, type Stage, startStage } from './stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(async () => await stage.close());

const recordings = readRecordings('creovai');
/** Every operation, with a recorded request to it that is answered 200. */
const cases = rows.map((row) => [nameOf(row), exampleOf(row, recordings).exchange] as const);

/** Changes the plain steps of a request line's path, never what stands for an id. */
function changed(line: string, change: (step: string) => string): string {
  const row = rowOf(line);
  if (row === undefined) return line;
  const [method = '', target = ''] = line.split(' ');
  const given = target.replace(/^\/+/, '/').split('/');
  const steps = row.path.split('/').map((step, at, all) => {
    const isLast = at === all.length - 1;
    if (step.startsWith('{')) return isLast ? given.slice(at).join('/') : (given[at] ?? '');
    const [plain = '', ...query] = (given[at] ?? '').split('?');
    return [change(plain), ...query].join('?');
  });
  return `${method} ${steps.join('/')}`;
}

function swapCase(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) => {
    const lower = letter.toLowerCase();
    return letter === lower ? letter.toUpperCase() : lower;
  });
}

describe('4.7 paths and the keys of a query are matched in any case', () => {
  test.each(cases)('%s', async (_name, exchange) => {
    await replay(stage, exchange, (line) => changed(line, swapCase));
  });

  const whatIfs = recordings.filter(({ name }) => name.endsWith('-200-what-if.json'));
  test.each(whatIfs.map(({ name, exchange }) => [name, exchange] as const))('whatIf of %s', async (_name, exchange) => {
    for (const key of ['whatif', 'WHATIF', 'WhatIf']) {
      await replay(stage, exchange, (line) => line.replace(/\?.*/, `?${key}=true`));
    }
  });
});

describe('4.8 doubled slashes in a path count as one', () => {
  test.each(cases)('%s', async (_name, exchange) => {
    await replay(stage, exchange, (line) => changed(line, (step) => `/${step}`));
  });
});

test('4.9 every operation stands at the root of the host, whatever the name of the host, and below no other path', async () => {
  const token = await stage.app.token();
  for (const { method, path } of rows) {
    const target = path.replace(/\{.*\}/, 'bbqfbbbow');
    const bearer = `Authorization: Bearer ${token}`;
    const below = await sendRaw(stage.origins.main, rawRequest(`${method} /tethr${target}`, [bearer], '{}'));
    expect(below.status, target).toBe(404);
    expect(below.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const hosts = ['acme.Audio.Creovai.io', 'other.api.Tethr.com:8443', ''];
    const answers = await Promise.all(
      hosts.map(async (host) => {
        const head = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, bearer, 'Content-Length: 2'];
        return await sendRaw(stage.origins.main, `${head.join('\r\n')}\r\n\r\n{}`);
      }),
    );
    const [first] = answers;
    for (const answer of answers) {
      expect([answer.status, answer.body.toString()], target).toEqual([first?.status, first?.body.toString()]);
    }
  }
});

test('4.10 no answer redirects and none sets a cookie, however a path is written', async () => {
  const token = await stage.app.token();
  for (const { method, path } of rows) {
    const target = path.replace(/\{.*\}/, 'bbqfbbbow');
    for (const written of [target, `${target}/`, `/${target}`, swapCase(target), `${target}/nothing`]) {
      for (const headers of [[`Authorization: Bearer ${token}`], []]) {
        const answer = await sendRaw(stage.origins.main, rawRequest(`${method} ${written}`, headers, '{}'));
        expect([200, 400, 401, 404], written).toContain(answer.status);
        expect([answer.headers.get('location'), answer.headers.get('set-cookie')]).toEqual([undefined, undefined]);
      }
    }
  }
});

describe('4.11 in a path the rest is the id, encoded or not', () => {
  const ids = ['a/b', 'a//b/', '/a', 'a?b=c', 'a?b=100%', 'a?', 'a&isFlow=true', 'a+b', 'a;b=c', '..', './a', 'a#b'];
  const encodedToo = [
    ...ids,
    '?a',
    '100%',
    '%zz',
    'a b',
    'caf\u00e9',
    '\u65e5\u672c',
    '%2F',
    'exclude',
    'monitor',
    'A&isflow=TRUE',
  ];

  /** As JSON writes them: an unencoded target may hold any byte but blanks and controls. */
  const sendUnencoded = async (wire: CreovaiWire, method: string, path: string, id: string) => {
    const head = [`${method} ${path}/${id} HTTP/1.1`, 'Host: a', `Authorization: Bearer ${wire.token}`];
    return await sendRaw(stage.origins.main, `${head.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
  };

  test.each(encodedToo)('for the session id %j', async (id) => {
    const wire = await CreovaiWire.start(stage.app);
    await wire.archived(id);
    const forms = [encodeURIComponent(id), ...(ids.includes(id) ? [id] : [])];
    const routes = [
      ['GET', '/capture/v2/status', 'Complete'],
      ['GET', '/callCapture/v1/status', 'Complete'],
      ['POST', '/capture/v2/status/exclude', 'Excluded'],
    ] as const;
    for (const [method, path, status] of routes) {
      for (const form of forms) {
        const answer = await sendUnencoded(wire, method, path, form);
        expect(answer.status, `${path}/${form}`).toBe(200);
        expect(JSON.parse(answer.body.toString()), `${path}/${form}`).toMatchObject({ sessionId: id, status });
      }
    }
  });

  test('&isFlow=true at the end of a call id, in any case, is none of it', async () => {
    const wire = await CreovaiWire.start(stage.app);
    const callId = await wire.archived('flow');
    for (const end of ['', '&isFlow=true', '&isflow=TRUE']) {
      const answer = await wire.get(`/interactions/v2/${callId}${end}`);
      expect([answer.status, answer.json]).toEqual([200, expect.objectContaining({ id: callId })]);
    }
    expect((await wire.get(`/interactions/v2/${callId}&isFlow=false`)).status).toBe(404);
  });
});
