import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  askTwin,
  type BadTwinScene,
  endTwinScene,
  expectTwinUntouched,
  startTwinScene,
  twinMarks,
  twinRefused,
} from '../support/bad-twin-scene.ts';
import { deepArray, deepObject, wrongWord } from '../support/bad-values.ts';
import { valueAt } from '../support/creovai-asking.ts';
import { rawRequest, sendRaw } from '../support/raw-http.ts';
import {
  goodTwinRequest,
  type TwinAsked,
  type TwinNamed,
  type TwinRoute,
  twinRequestWith,
  twinRoutes,
} from '../support/twin24-routes.ts';

const someId = '01900000-0000-7000-8000-000000000000';
const bodyBytesMax = 4 * 1024 * 1024;

let scene: BadTwinScene;

beforeAll(async () => {
  scene = await startTwinScene();
});
afterEach(async () => await expectTwinUntouched(scene));
afterAll(async () => await endTwinScene(scene));

async function refusedAt(route: TwinRoute, asked: TwinAsked, status: number, words?: RegExp): Promise<void> {
  twinRefused(await askTwin(scene.app, route, scene.wire.token, asked), status, words);
}

const reading = twinRoutes.filter(({ body }) => body !== undefined);

describe.each(reading)('$method $pattern', (route) => {
  const fields = Object.entries(route.fields);
  const sent = (text: string | Buffer) => ({ ...goodTwinRequest(route, scene.named), text });

  test('refuses a body that is not JSON', async () => {
    const broken = [
      '{',
      `{"${wrongWord}`,
      '[1,]',
      "{'a':1}",
      '\ufeff',
      'NaN',
      '\0',
      twinMarks.session,
      'skipDeleteRecord=true',
    ];
    for (const text of broken) await refusedAt(route, sent(text), 400, /must be JSON in UTF-8/);
    await refusedAt(route, sent(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 400, /must be JSON in UTF-8/);
  });

  test('refuses a body that is no object', async () => {
    for (const text of ['null', '"a"', '1', 'true', `["${wrongWord}"]`, '[[]]', '[{}]', `"${wrongWord}"`]) {
      await refusedAt(route, sent(text), 400, /must be a JSON object/);
    }
  });

  test('refuses a body that nests a hundred thousand deep, as a whole or in any field', async () => {
    for (const raw of [deepArray, deepObject]) {
      const all = [sent(raw), ...fields.map(([at]) => twinRequestWith(route, scene.named, at, raw))];
      for (const asked of all) await refusedAt(route, asked, 400, /nested deeper than 64 levels$/);
    }
  });

  test('refuses a body of more values than any has use for, and one of five megabytes', async () => {
    const { text = '' } = goodTwinRequest(route, scene.named);
    const crowded = `{"${wrongWord}": [${'7,'.repeat(400_000)}7],${text.toString().slice(1)}`.replace(',}', '}');
    await refusedAt(route, sent(crowded), 400, /is too complex/);
    const words = new RegExp(`is larger than ${bodyBytesMax / 1024} KiB$`);
    await refusedAt(route, sent(text.toString().padEnd(bodyBytesMax + 1)), 413, words);
    await refusedAt(route, sent(Buffer.alloc(5_000_000, wrongWord)), 413, words);
  });

  test('refuses a wrong value in each of its fields, and says in which', async () => {
    for (const [at, values] of fields) {
      const name = at.replace(/\.(\d+)/g, '[$1]').replaceAll('[', '\\[');
      for (const raw of values) {
        const answer = await askTwin(scene.app, route, scene.wire.token, twinRequestWith(route, scene.named, at, raw));
        expect(answer.statusCode, `${at}: ${raw.slice(0, 60)} ${answer.body}`).toBe(400);
        twinRefused(answer, 400, new RegExp(`^${name}`));
      }
    }
  });

  test('refuses a body in which what it needs is missing, or null', async () => {
    for (const at of route.required) {
      for (const raw of [undefined, 'null']) {
        await refusedAt(route, twinRequestWith(route, scene.named, at, raw), 400, / is required/);
      }
    }
    if (route.required.length > 0) for (const text of ['{}', '[]', '']) await refusedAt(route, sent(text), 400);
  });

  test('takes nothing from a prototype', async () => {
    if (route.required.length === 0) return;
    const { text = '' } = goodTwinRequest(route, scene.named);
    for (const body of [`{"__proto__": ${text}}`, `{"constructor": {"prototype": ${text}}}`]) {
      await refusedAt(route, sent(body), 400);
    }
  });

  test('is asked here with every field that it has', () => {
    const body = route.body?.(scene.named);
    expect(fields.filter(([at]) => valueAt(body, at) === undefined)).toEqual([]);
    expect(route.required.filter((at) => !Object.hasOwn(route.fields, at))).toEqual([]);
  });
});

describe.each(twinRoutes.filter(({ badQueries }) => badQueries.length > 0))('$method $pattern', (route) => {
  test('refuses a query that it cannot read', async () => {
    const { address } = goodTwinRequest(route, scene.named);
    const [path = '', good] = address.split('?');
    const isOfTask = good?.startsWith('autoCallId') && route.method === 'GET';
    for (const query of [
      ...route.badQueries,
      ...(isOfTask ? ['limit=0', 'page=0&offset=0'].map((q) => `${good}&${q}`) : []),
    ]) {
      await refusedAt(route, { address: `${path}?${query}` }, 400);
    }
  });
});

describe.each(twinRoutes.filter(({ body }) => body === undefined))('$method $pattern', (route) => {
  test('reads no body, whatever comes as one', async () => {
    const nobody: TwinNamed = { ...scene.named, callId: someId, candidateId: someId, taskId: someId, link: 'a.mp3' };
    const line = `${route.method} ${goodTwinRequest(route, nobody).address}`;
    const headers = [`Authorization: Bearer ${scene.wire.token}`, 'Content-Type: application/json'];
    const without = await sendRaw(scene.wire.origin, rawRequest(line, headers));
    expect(without.status).toBeLessThan(500);
    for (const body of [`{"${wrongWord}`, deepArray, Buffer.alloc(5_000_000, wrongWord)]) {
      const answer = await sendRaw(scene.wire.origin, rawRequest(line, headers, body));
      expect([answer.status, answer.body.toString()]).toEqual([without.status, without.body.toString()]);
    }
  });
});
