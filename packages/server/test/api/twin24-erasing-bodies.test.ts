/** What Twin24's clients send with the three methods, in all the ways in which they do, and what each way means. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErasingScene, expectTwinError, type SentErasing } from '../support/erasing-scene.ts';
import { expectTable, type MethodStage } from '../support/method-stage.ts';
import { sendRaw } from '../support/raw-http.ts';
import { type ErasingMethod, erasingMethods, erasingPath, expectSilence } from '../support/twin-erasing.ts';

const json = 'application/json';

let erasing: ErasingScene;

beforeAll(async () => {
  erasing = await ErasingScene.start();
});

afterAll(async () => await erasing.scene.end());

/** Sends a method to a new campaign; the answer is silence, and what is left is what the table leaves of `means`. */
async function expectMeans(method: ErasingMethod, means: ErasingMethod, sent: SentErasing): Promise<void> {
  const stage = await erasing.campaign();
  const was = await erasing.states(stage);
  expectSilence(await erasing.send(method, stage, sent));
  expectTable([means], was, await erasing.states(stage));
}

const erasingForms: [what: string, sent: SentErasing][] = [
  ['no body and no Content-Type', {}],
  ['no body, announced as JSON', { contentType: json, body: '' }],
  ['an empty object', { contentType: json, body: '{}' }],
  ['an empty array, as PHP makes of an empty map', { contentType: json, body: '[]' }],
  ['null for the flag', { contentType: json, body: '{"skipDeleteRecord":null}' }],
  ['false', { contentType: json, body: '{"skipDeleteRecord":false}' }],
  ['false without a Content-Type', { body: '{"skipDeleteRecord":false}' }],
  [
    'false as the type of a form',
    { contentType: 'application/x-www-form-urlencoded', body: '{"skipDeleteRecord":false}' },
  ],
  ['unknown keys alone', { contentType: json, body: '{"skip":true,"skipdeleterecord":true,"x":{"y":[1]}}' }],
  ['blanks around an empty object', { contentType: json, body: ' \r\n{ }\t' }],
];

describe('the recording is erased by', () => {
  test.each(erasingForms)('%s, of either depersonalization', async (_, sent) => {
    await expectMeans('C0', 'C0', sent);
    await expectMeans('K0', 'K0', sent);
  });
});

describe('the recording is kept by', () => {
  test.each([
    ['true', '{"skipDeleteRecord":true}'],
    ['true among unknown keys', '{"a":[],"skipDeleteRecord" : true,"reason":"none"}'],
  ])('%s, of either depersonalization', async (_, body) => {
    await expectMeans('C1', 'C1', { contentType: json, body });
    await expectMeans('K1', 'K1', { contentType: json, body });
  });
});

const notFlags = ['"true"', '"false"', '""', '0', '1', '[]', '[true]', '{}', '{"skipDeleteRecord":true}', '1e3', '-1'];
const notBodies = [
  '[1]',
  '[{}]',
  '[{"skipDeleteRecord":true}]',
  '"text"',
  '""',
  'true',
  'null',
  '1',
  'skipDeleteRecord=true',
  '{"skipDeleteRecord":true',
  '{"skipDeleteRecord":true}}',
  '{skipDeleteRecord:true}',
  '{"skipDeleteRecord":TRUE}',
  '\u{feff}x',
  ' ',
];

describe('nothing is erased, and the answer is 400, for', () => {
  let stage: MethodStage;

  beforeAll(async () => {
    stage = await erasing.campaign();
  });

  async function expectRefused(body: string | Buffer, methods: readonly ErasingMethod[]): Promise<void> {
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const method of methods)
        expectTwinError(await erasing.send(method, stage, { contentType: json, body }), 400);
    });
  }

  test.each(notFlags)('%s as the flag', async (flag) => {
    await expectRefused(`{"skipDeleteRecord":${flag}}`, ['C0', 'K0']);
  });

  test.each(notBodies)('%j as a body, of all three', async (body) => await expectRefused(body, ['C0', 'K0', 'R']));

  test('bytes that are not UTF-8', async () => {
    await expectRefused(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), ['C0', 'K0', 'R']);
  });
});

describe('the deletion of a record', () => {
  test.each([
    ['nothing', {}],
    ['an empty array', { contentType: json, body: '[]' }],
    ['an empty object', { contentType: json, body: '{}' }],
    ['an empty body announced as JSON', { contentType: json, body: '' }],
    ['a flag that is not its own', { contentType: json, body: '{"skipDeleteRecord":"true"}' }],
  ])('with %s deletes it', async (_, sent) => await expectMeans('R', 'R', sent));

  test('of a call without one is 200 too', async () => {
    const stage = await erasing.campaign();
    expectSilence(await erasing.send('C0', stage));
    expectSilence(await erasing.send('R', stage));
  });
});

describe('both forms of every path', () => {
  const places: SentErasing[] = [
    { base: '/cis/api/v1' },
    { base: '/api/v1' },
    { base: '/cis/api/v1', suffix: '/' },
    { base: '/api/v1', suffix: '/' },
    { base: '/api/v1', suffix: '?language=ru' },
  ];

  test.each(places)('lead to the same methods: %j', async (place) => {
    for (const method of erasingMethods) {
      const body = method.endsWith('1') ? '{"skipDeleteRecord":true}' : '';
      await expectMeans(method, method, { ...place, body, contentType: json });
    }
  });

  test('take no flag from the query, where nobody sends it', async () => {
    await expectMeans('C0', 'C0', { suffix: '?skipDeleteRecord=true' });
  });

  test.each(['C0', 'K0', 'R'] as const)('answer no other method: %s', async (method) => {
    const stage = await erasing.campaign();
    await erasing.expectUnchanged([[stage, erasing.caller]], async () => {
      for (const verb of ['GET', 'PUT', 'PATCH', method === 'R' ? 'POST' : 'DELETE'] as const) {
        const headers = { authorization: `Bearer ${await erasing.scene.app.token()}` };
        const url = `/cis/api/v1${erasingPath(method, stage)}`;
        expectTwinError(await erasing.scene.app.http.inject({ method: verb, url, headers }), 405);
      }
    });
  });
});

describe('on the wire', () => {
  const clients: [who: string, method: ErasingMethod, lines: string[]][] = [
    ['curl without a body', 'C0', []],
    ['curl without a body, deleting', 'R', []],
    ['Go, announcing JSON of no length', 'K0', ['Content-Type: application/json', 'Content-Length: 0']],
    ['a chunked body of no chunk', 'C0', ['Content-Type: application/json', 'Transfer-Encoding: chunked']],
  ];

  test.each(clients)('%s is answered 200 with no byte behind the head', async (_, method, lines) => {
    const stage = await erasing.campaign();
    const was = await erasing.states(stage);
    const head = [
      `${method === 'R' ? 'DELETE' : 'POST'} /cis/api/v1${erasingPath(method, stage)} HTTP/1.1`,
      'Host: archive.example',
      `Authorization: Bearer ${await erasing.scene.app.token()}`,
      ...lines,
    ];
    const chunks = lines.some((line) => line.endsWith('chunked')) ? '0\r\n\r\n' : '';
    const answer = await sendRaw(erasing.scene.app.http.listeningOrigin, `${head.join('\r\n')}\r\n\r\n${chunks}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('0');
    expect(answer.headers.has('content-type')).toBe(false);
    expect(answer.body).toHaveLength(0);
    expectTable([method], was, await erasing.states(stage));
  });
});
