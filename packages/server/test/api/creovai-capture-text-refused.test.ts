import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messagesBytesMax, messageValuesMax } from '../../src/http/creovai/capture-body.ts';
import { ownBytesMax } from '../../src/http/creovai/capture-fields.ts';
import { messagesMax } from '../../src/http/creovai/capture-messages.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { CaptureClient, expectRefused } from '../support/capture-client.ts';
import { holdings } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { type MarkName, marks, marksIn } from '../support/marks.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';
import { type Body, cases, chats } from '../support/written-calls.ts';

/** What happens when the product comes to a named point. */
let atPoint: (point: string) => Promise<void> = goOn;
const faults = { at: async (point: string) => await atPoint(point) };

async function goOn(): Promise<void> {
  // Nothing happens.
}

/** The marks that are sent in here: the others need not be looked for in files of many MiB. */
const planted: readonly MarkName[] = ['session', 'firstName', 'phone', 'transcript'];

let app: TestApp;
let origin: string;
let token: string;
let client: CaptureClient;

beforeAll(async () => {
  app = await startApp({ faults });
  origin = await app.listen();
  token = await app.token();
  client = new CaptureClient(origin, token);
});
afterAll(async () => {
  expect(marksIn(Buffer.from(app.logged.join('\n')))).toEqual([]);
  const files = await readdir(app.folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile())) {
    expect(marksIn(await readFile(join(file.parentPath, file.name)), planted), file.name).toEqual([]);
  }
  await app.close();
});

describe.each([
  ['a chat', chats],
  ['a case', cases],
])('%s', (name, kind) => {
  const session = (of: string) => `${name} ${of}`;

  test('is refused, by the name of the field alone, where it lacks something or has it in the wrong type', async () => {
    const before = await holdings(app);
    const id = kind === chats ? 'sessionId' : 'referenceId';
    const wrong: [Body, RegExp][] = [
      [{ [id]: null }, new RegExp(`^${id} is required`)],
      [{ [id]: { [marks.session]: 1 } }, new RegExp(`^${id} must be a string`)],
      [{ utcStart: null }, /^utcStart is required/],
      [{ utcStart: marks.firstName }, /^utcStart must be/],
      [{ metadata: [marks.firstName] }, /^metadata must be/],
      [{ contacts: [{ email: [marks.firstName] }] }, /^contacts\[0\]\.email must be a string/],
      [{ contacts: marks.firstName }, /^contacts must be an array/],
    ];
    for (const [change, words] of wrong) {
      expectRefused(await client.post(kind.v1, kind.inV1(marks.session, change)), 400, words);
    }
    expectRefused(await client.post(kind.v2, kind.inV2('s', { sessionId: '' })), 400, /^sessionId is required/);
    expectRefused(await client.post(kind.v2, kind.inV2('s', { participants: 7 })), 400, /^participants must be/);
    for (const text of ['', '{', `{"sessionId":"${marks.session}`, '\0']) {
      expectRefused(await client.post(kind.v1, text), 400, /^The body must be JSON/);
    }
    for (const text of ['null', '[]', '7']) {
      expectRefused(await client.post(kind.v2, text), 400, /^The body must be a JSON object/);
    }
    expect(await holdings(app)).toEqual(before);
  });

  test('needs a token, and one with the scope for it', async () => {
    const nobody = new CaptureClient(origin, 'nonsense');
    const reader = new CaptureClient(origin, await app.token(['calls:read', 'erasures:execute', 'admin']));
    for (const path of [kind.v1, kind.v2]) {
      expectRefused(await nobody.post(path, kind.inV2(session('unseen'))), 401, /token/);
      expectRefused(await reader.post(path, kind.inV2(session('unseen'))), 403, /calls:write/);
    }
    expect(await client.status(session('unseen'))).toBe('NotFound');
  });

  test('may be as long as the limit, and not a byte longer', async () => {
    const text = JSON.stringify(kind.inV1(session('limit')));
    const fits = text.replace('and more', 'x'.repeat(messagesBytesMax - text.length + 'and more'.length));
    expect(Buffer.byteLength(fits)).toBe(messagesBytesMax);
    const before = await holdings(app);
    expectRefused(await client.post(kind.v1, `${fits} `), 413, /larger than 16384 KiB/);
    expect(await holdings(app)).toEqual(before);
    expect((await client.post(kind.v1, fits)).status).toBe(200);
  });

  test('may have as many messages as the limit says, with all that is known of a message, and not many more values', async () => {
    const { messages: [message] = [] } = cases.inV1('') as { messages?: object[] };
    const crowd = (count: number) => Array.from({ length: count }, () => message);
    const within = (count: number, change = {}) =>
      kind === cases ? { messages: crowd(count), ...change } : { contacts: [{ messages: crowd(count) }], ...change };
    expect((await client.post(kind.v1, kind.inV1(session('crowd'), within(messagesMax)))).status).toBe(200);
    const before = await holdings(app);
    const over = kind.inV1(session('too many'), within(messagesMax + 1));
    expectRefused(await client.post(kind.v1, over), 400, /messages must have at most 50000 entries$/);
    const metadata = { list: new Array(messageValuesMax).fill(0) };
    expectRefused(
      await client.post(kind.v1, kind.inV1(session('crowded'), { metadata })),
      400,
      /^The body is too complex: it must have at most 300000 values$/,
    );
    const long = { text: 'x'.repeat(ownBytesMax) };
    expectRefused(await client.post(kind.v1, kind.inV1(session('long'), { metadata: long })), 400, /^metadata must be/);
    expect(await holdings(app)).toEqual(before);
  });

  test('that is longer is refused before it is sent when its length is announced, else as soon as it is seen', async () => {
    const head = rawRequest(`POST ${kind.v1}`, [`Authorization: Bearer ${token}`], '').toString();
    const announced = head.replace('Content-Length: 0', `Content-Length: ${messagesBytesMax + 1}`);
    expect((await sendRaw(origin, announced)).status).toBe(413);

    const connection = new RawConnection(origin);
    await connection.send(head.replace('Content-Length: 0', 'Transfer-Encoding: chunked'));
    const piece = `100000\r\n${'x'.repeat(1024 * 1024)}\r\n`;
    for (let sent = 0; sent <= messagesBytesMax / (1024 * 1024); sent += 1) await connection.send(piece);
    expect((await connection.answer()).status).toBe(413);
    connection.close();
  });

  test('whose upload fails on the way leaves nothing, and can be sent again', async () => {
    const before = await holdings(app);
    for (const stumbling of ['archive:slots-taken', 'archive:named', 'archive:sealed']) {
      atPoint = async (point) => {
        if (point === stumbling) throw new Error('the machine stumbled');
      };
      expectRefused(await client.post(kind.v2, kind.inV2(session('stumble'))), 500, /broke on our side/);
      expect(await holdings(app)).toEqual(before);
    }
    atPoint = goOn;
    expect((await client.post(kind.v2, kind.inV2(session('stumble')))).status).toBe(200);
    expect(await client.status(session('stumble'))).toBe('Complete');
  });

  test('that a purge of its session meets on the way is refused, and nothing of it stays', async () => {
    const { erasures: _, ...before } = await holdings(app);
    let items: unknown;
    atPoint = async (point) => {
      if (point !== 'archive:named') return;
      atPoint = goOn;
      items = await client.purge('/purge/v1/calls/sessions', { ids: [session('met')] });
    };
    expectRefused(await client.post(kind.v1, kind.inV1(session('met'))), 400, /erased/);
    expect(items).toMatchObject([{ sessionId: session('met'), status: 'Purging', errorMsg: null }]);
    await untilQuiet(app.engine);
    const { erasures: __, ...after } = await holdings(app);
    expect(after).toEqual(before);
    expect(await client.status(session('met'))).toBe('NotFound');
    expectRefused(await client.post(kind.v2, kind.inV2(session('met'))), 400, /erased/);
  });
});
