import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callInfo, formOf, formType, holdings, infoPart } from '../support/creovai-forms.ts';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { RawConnection, sendRaw } from '../support/raw-http.ts';
import { exampleOf, nameOf, rows } from './creovai-rows.ts';
import { readRecordings } from './recording.ts';
import { cppForm, cppUpload, dotNetForm, formRequest } from './sdk.ts';
import { replay, type Stage, startStage } from './stage.ts';

let stage: Stage;
let wire: CreovaiWire;

beforeAll(async () => {
  stage = await startStage();
});
beforeEach(async () => {
  wire = await CreovaiWire.start(stage.app);
});
afterAll(async () => await stage.close());

const v1 = '/callCapture/v1/archive';

/** Everything that a reader of text, of lines or of forms would change or take for its own. */
const awkward = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from('\r\n--0b7f6c1e-3d52-4a8e-9f10-6a5d4c3b2a1\r\n\r\n--MIME_boundary_5D3A9C41F27B0E6\r\n'),
  Buffer.from('\r\n\r\nContent-Disposition: form-data; name=info\r\n\r\n{}\r\n\u2028\ufeff\n\r0\r\n\r\n--'),
  Buffer.alloc(70_000, '\r\n-'),
]);

function idOf(answer: { status: number; body: Buffer }): string {
  expect(answer.status, answer.body.toString()).toBe(200);
  const { callId, id } = JSON.parse(answer.body.toString()) as { callId?: string; id?: string };
  return callId ?? id ?? '';
}

async function expectKept(answer: { status: number; body: Buffer }): Promise<void> {
  expect((await wire.recording(idOf(answer))).equals(awkward)).toBe(true);
}

describe('4.25 parts are taken by their names, in quotes or not, with a filename or without, and their bytes are left alone', () => {
  test('as both .NET clients write them', async () => {
    const { endTime, contacts, startTime, ...rest } = callInfo('net');
    const newer = { ...rest, utcStart: startTime, utcEnd: endTime, participants: contacts };
    const charset = { infoType: 'application/json; charset=utf-8' };
    const older = formRequest(v1, wire.token, dotNetForm(callInfo('net'), awkward, charset));
    const callId = idOf(await sendRaw(stage.origins.main, older));
    expect((await wire.recording(callId)).equals(awkward)).toBe(true);
    const second = formRequest('/capture/v2/call', wire.token, dotNetForm(newer, awkward));
    expect(idOf(await sendRaw(stage.origins.main, second))).toBe(callId);
  });

  const info = JSON.stringify(callInfo('any'));
  const dispositions = ['form-data; name=data', 'form-data; name="data"', 'form-data; filename=a.wav; name=data'];
  test.each([...dispositions, 'FORM-DATA; NAME="data"; filename*=utf-8\'\'a%20b.wav'])('%s', async (disposition) => {
    const parts = [
      { headers: ['content-disposition: form-data; name=info'], body: info },
      { headers: ['Content-Type: audio/x-wav', `Content-Disposition: ${disposition}`], body: awkward },
    ];
    await expectKept(await wire.post(v1, formOf(parts), [`Content-Type: ${formType}`]));
  });
});

describe('4.26 the C++ client, which sends chunks and a length over TLS, is served by a listener of its own', () => {
  test('its upload is taken by its chunks, whatever its length says', async () => {
    const form = cppForm(callInfo('cpp'), awkward);
    const upload = cppUpload(`/${v1}`, wire.token, form);
    await expectKept(await sendRaw(stage.origins.lenient, upload));
    for (const length of [0, 1, form.body.length - 1, form.body.length + 10_000]) {
      const lying = Buffer.from(
        upload.toString('latin1').replace(/Content-Length: \d+/, `Content-Length: ${length}`),
        'latin1',
      );
      await expectKept(await sendRaw(stage.origins.lenient, lying));
    }
  });

  test('nothing that comes behind such a request on its connection is heard', async () => {
    await wire.archived('victim');
    const head = `POST /capture/v2/status/exclude/victim HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${wire.token}`;
    const smuggled = Buffer.from(`${head}\r\nContent-Length: 0\r\n\r\n`);
    const connection = new RawConnection(stage.origins.lenient);
    await connection.send(Buffer.concat([cppUpload(v1, wire.token, cppForm(callInfo('cpp'), awkward)), smuggled]));
    const answer = await connection.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await connection.send(smuggled);
    await connection.closed;
    expect(connection.pending.length).toBe(0);
    // A write that had begun would stand before this one.
    await wire.archived('later');
    expect(await wire.statusOf('victim')).toBe('Complete');
  });

  test('the main listener, which may stand behind a proxy, refuses the two lengths and keeps nothing', async () => {
    const before = await holdings(stage.app);
    const connection = new RawConnection(stage.origins.main);
    await connection.send(cppUpload(v1, wire.token, cppForm(callInfo('cpp'), awkward)));
    const answer = await connection.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([400, 'close']);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ message: expect.stringMatching(/./) });
    await connection.closed;
    expect(await holdings(stage.app)).toEqual(before);
  });

  const recordings = readRecordings('creovai');
  const cases = rows.map((row) => [nameOf(row), exampleOf(row, recordings).exchange] as const);
  test.each(cases)('and it serves %s', async (_name, exchange) => {
    await replay(stage, { ...exchange, listener: 'lenient' });
  });
});

test('4.27 the type of the info part and a Content-Transfer-Encoding change nothing', async () => {
  const types = ['application/json; charset=utf-8', 'application/json', 'application/json;charset=UTF-8', 'text/plain'];
  for (const [at, type] of types.entries()) {
    for (const encoding of ['BINARY', 'binary', 'base64', '8bit', 'quoted-printable']) {
      const session = `typed-${at}-${encoding}`;
      const data = [
        'Content-Disposition: form-data; name="data"; filename="a.wav"',
        'Content-Type: audio/wav',
        `Content-Transfer-Encoding: ${encoding}`,
      ];
      const info = ['Content-Disposition: form-data; name="info"', `Content-Type: ${type}`];
      const parts = [
        { headers: info, body: JSON.stringify(callInfo(session)) },
        { headers: data, body: awkward },
      ];
      await expectKept(await wire.post(v1, formOf(parts), [`Content-Type: ${formType}`]));
    }
  }
});

describe('4.28 Expect: 100-continue', () => {
  const form = formOf([
    infoPart(callInfo('expected')),
    { headers: ['Content-Disposition: form-data; name=data'], body: awkward },
  ]);
  const head = (token: string) =>
    [
      `POST ${v1} HTTP/1.1`,
      'Host: a',
      `Authorization: Bearer ${token}`,
      `Content-Type: ${formType}`,
      'Expect: 100-continue',
      `Content-Length: ${form.length}`,
    ].join('\r\n');

  test('is answered before a byte of the body has come, on every listener', async () => {
    for (const origin of Object.values(stage.origins)) {
      const connection = new RawConnection(origin);
      await connection.send(`${head(wire.token)}\r\n\r\n`);
      expect(await connection.interim()).toBe(100);
      await connection.send(form);
      await expectKept(await connection.answer());
      connection.close();
    }
  });

  test('is answered by the refusal, and not by Continue, where there is one', async () => {
    for (const origin of Object.values(stage.origins)) {
      const answer = await sendRaw(origin, `${head('nonsense')}\r\n\r\n`);
      expect([answer.status, answer.interim]).toEqual([401, []]);
    }
  });
});
