import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  endScene,
  expectUntouched,
  marked,
  refused,
  refusedAt,
  type Scene,
  startScene,
} from '../support/bad-input-scene.ts';
import { badValues, deepArray, deepObject, wrongWord } from '../support/bad-values.ts';
import { ask, goodRequest, requestWith, valueAt } from '../support/creovai-asking.ts';
import { creovaiRoutes } from '../support/creovai-routes.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await startScene();
});
afterEach(async () => await expectUntouched(scene));
afterAll(async () => await endScene(scene));

const reading = creovaiRoutes.filter(({ body }) => body !== undefined);

describe.each(reading)('$method $pattern', (route) => {
  const fields = Object.entries(route.fields);
  const sent = (text: string | Buffer) => ({ ...goodRequest(route, scene.named), text });

  test('refuses a body that is not JSON', async () => {
    const texts = [
      `{"ids": ["${marked.session}"`,
      '{',
      marked.session,
      '[1,]',
      "{'ids':[]}",
      '',
      '\ufeff',
      'NaN',
      '\0',
    ];
    for (const text of texts) await refusedAt(scene, route, sent(text), 400, /JSON in UTF-8/);
    const notUtf8 = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]);
    await refusedAt(scene, route, sent(notUtf8), 400, /JSON in UTF-8/);
  });

  test('refuses a body that is no object, or no body at all', async () => {
    for (const text of ['null', '[]', '"a"', '1', 'true', `["${wrongWord}"]`, `"${wrongWord}"`]) {
      await refusedAt(scene, route, sent(text), 400, /must be a JSON object/);
    }
    const { address } = goodRequest(route, scene.named);
    await refusedAt(scene, route, { address }, 400);
  });

  test('refuses a body that nests a hundred thousand deep, as a whole or in any field', async () => {
    for (const raw of [deepArray, deepObject]) {
      const isTooLong = raw.length > route.bodyBytesMax;
      const words = isTooLong ? /larger/ : /^(The body|info) must not be nested deeper than 64 levels$/;
      const all = [sent(raw), ...fields.map(([at]) => requestWith(route, scene.named, at, raw))];
      for (const asked of all) await refusedAt(scene, route, asked, isTooLong ? 413 : 400, words);
    }
  });

  test('refuses a body of more values than any has use for', async () => {
    const { text = '' } = goodRequest(route, scene.named);
    const crowded = text.toString().replace('{', () => `{"${wrongWord}": [${'7,'.repeat(400_000)}7],`);
    const isTooLong = crowded.length > route.bodyBytesMax;
    await refusedAt(scene, route, sent(crowded), isTooLong ? 413 : 400, isTooLong ? /larger/ : /is too complex/);
  });

  test('refuses a wrong value in each of its fields, and says in which', async () => {
    for (const [at, kind] of fields) {
      const [root = ''] = at.split('.');
      for (const raw of badValues[kind]) {
        const asked = requestWith(route, scene.named, at, raw);
        const answer = await ask(scene.app, route, scene.token, asked);
        expect(answer.statusCode, `${at}: ${raw.slice(0, 60)}`).toBe(400);
        refused(answer, 400, new RegExp(`\\b${root}\\b`));
      }
    }
  });

  test('refuses a body in which what it needs is missing, or null', async () => {
    for (const at of route.required) {
      for (const raw of [undefined, 'null']) {
        await refusedAt(scene, route, requestWith(route, scene.named, at, raw), 400, new RegExp(`^(info\\.)?${at} `));
      }
    }
    if (route.required.length > 0) await refusedAt(scene, route, sent('{}'), 400);
  });

  test('refuses a body whose fields do not go together, or are too many', async () => {
    for (const body of route.wrong(scene.named)) await refusedAt(scene, route, sent(JSON.stringify(body)), 400);
  });

  test('refuses a body that is larger than its limit', async () => {
    const { text = '' } = goodRequest(route, scene.named);
    const words = new RegExp(`is larger than ${route.bodyBytesMax / 1024} KiB$`);
    await refusedAt(scene, route, sent(text.toString().padEnd(route.bodyBytesMax + 1)), 413, words);
    // A form as a whole may be larger than its info, and smaller than this.
    await refusedAt(
      scene,
      route,
      sent(text.toString().padEnd(Math.max(10 * 1024 * 1024, route.bodyBytesMax * 2))),
      413,
    );
  });

  test('is asked here with every field that it has', () => {
    const body = route.body?.(scene.named);
    expect(fields.filter(([at]) => valueAt(body, at) === undefined)).toEqual([]);
    expect(route.required.filter((at) => !Object.hasOwn(route.fields, at))).toEqual([]);
  });
});

describe.each(creovaiRoutes.filter(({ archives }) => archives))(
  '$method $pattern, which keeps what it does not know,',
  (route) => {
    test('refuses a property that nobody knows when it nests too deep, wherever it stands', async () => {
      const { text = '' } = goodRequest(route, scene.named);
      for (const raw of [deepArray, deepObject]) {
        const atTop = text.toString().replace('{', () => `{"${wrongWord}": ${raw},`);
        const inPerson = text.toString().replace('{"referenceId"', () => `{"${wrongWord}": ${raw},"referenceId"`);
        for (const changed of new Set([atTop, inPerson])) {
          await refusedAt(scene, route, { ...goodRequest(route, scene.named), text: changed }, 400, /nested deeper/);
        }
      }
    });
  },
);

describe.each(creovaiRoutes.filter(({ body }) => body === undefined))('$method $pattern', (route) => {
  test('reads no body, whatever comes as one', async () => {
    const named = { ...scene.named, session: 'nobody', callId: '01900000-0000-7000-8000-000000000000' };
    const { address } = goodRequest(route, named);
    const line = `${route.method} ${address}`;
    const headers = [`Authorization: Bearer ${scene.token}`, 'Content-Type: application/json'];
    const without = await sendRaw(scene.origin, rawRequest(line, headers));
    for (const body of [`{"${wrongWord}`, deepArray, Buffer.alloc(10 * 1024 * 1024, wrongWord)]) {
      const answer = await sendRaw(scene.origin, rawRequest(line, headers, body));
      expect([answer.status, answer.body.toString()]).toEqual([without.status, without.body.toString()]);
    }
  });
});

describe('what-if is refused, never taken for a real purge', () => {
  const values = [
    '',
    'maybe',
    '1',
    'yes',
    'tru',
    'true,true',
    '%00',
    'true&whatIf=false',
    'true&WHATIF=true',
    wrongWord,
  ];
  test.each(values)('whatIf=%s', async (value) => {
    for (const route of creovaiRoutes.filter(({ pattern }) => pattern.includes('/purge'))) {
      const good = goodRequest(route, scene.named);
      await refusedAt(scene, route, { ...good, address: `${good.address}?whatIf=${value}` }, 400, /whatIf/);
    }
  });

  test('whatIf alone', async () => {
    for (const route of creovaiRoutes.filter(({ pattern }) => pattern.includes('/purge'))) {
      const good = goodRequest(route, scene.named);
      for (const query of ['whatIf', 'WHATIF', 'whatIf&x=1', 'x=1&whatif']) {
        await refusedAt(scene, route, { ...good, address: `${good.address}?${query}` }, 400, /^whatIf must be true/);
      }
    }
  });
});

describe('a JSON body of 10 MB', () => {
  const body = JSON.stringify({ ids: [], padding: 'a'.repeat(10_000_000) });

  test('is answered before the connection closes, to a client that sends it all first', async () => {
    const headers = [`Authorization: Bearer ${scene.token}`, 'Content-Type: application/json'];
    for (const path of ['/purge/v1/calls', '/interactions/v2/purge']) {
      const answer = await sendRaw(scene.origin, rawRequest(`POST ${path}`, headers, body));
      expect(answer.status).toBe(413);
      expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.stringContaining('larger') });
    }
  });

  test('is answered when it comes in chunks of unknown number', async () => {
    const connection = new RawConnection(scene.origin);
    const head = `POST /purge/v1/calls HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${scene.token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await connection.send(head);
    await connection.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    expect((await connection.answer()).status).toBe(413);
    await connection.closed;
  });
});

test('a property that purges do not know is passed over, as deep as it may nest', async () => {
  const nested = '['.repeat(63) + ']'.repeat(63);
  for (const route of creovaiRoutes.filter(({ pattern }) => pattern.includes('/purge'))) {
    const { address, text = '' } = goodRequest(route, scene.named);
    const deep = text.toString().replace('{', () => `{"${wrongWord}": ${nested},`);
    const preview = { address: `${address}?whatIf=true`, text: deep };
    const answer = await ask(scene.app, route, scene.token, preview);
    expect(answer.statusCode, answer.body).toBe(200);
    expect(answer.body).toContain('WhatIf');
    expect(answer.body).not.toContain(wrongWord);
  }
});
