import { afterAll, beforeAll, expect, test } from 'vitest';
import { audio, callInfo, dataPart, formOf, formType, holdings, infoPart } from '../support/creovai-forms.ts';
import { RawConnection, rawRequest, sendRaw } from '../support/raw-http.ts';
import { CppClient } from './sdk.ts';
import { type Stage, startStage } from './stage.ts';

let stage: Stage;
let lapsedMs = 0;

beforeAll(async () => {
  stage = await startStage({ clock: { now: () => Date.now() + lapsedMs } });
});
afterAll(async () => await stage.close());

/** The form of the .NET clients, the secret first, and that of the C++ client. */
const forms = {
  net: () =>
    `grant_type=client_credentials&client_secret=${stage.app.client.clientSecret}&client_id=${stage.app.client.clientId}`,
  cpp: () =>
    `grant_type=client_credentials&client_id=${stage.app.client.clientId}&client_secret=${stage.app.client.clientSecret}`,
};

type Granted = { access_token: string; token_type: unknown; expires_in: unknown };

function tokenRequest(form: string): Buffer {
  return rawRequest('POST /Token', ['Content-Type: application/x-www-form-urlencoded'], form);
}

/** A fresh token, and the text that it came in. */
async function granted(form = forms.net(), origin = stage.origins.main): Promise<Granted & { text: string }> {
  const answer = await sendRaw(origin, tokenRequest(form));
  expect(answer.status, answer.body.toString()).toBe(200);
  const text = answer.body.toString();
  return { ...(JSON.parse(text) as Granted), text };
}

function statusRequest(authorization: string): Buffer {
  const headers = [`Authorization: ${authorization}`, 'Content-Type: application/json'];
  return rawRequest('POST /callCapture/v1/status', headers, '{"CallSessionIds":["a"]}');
}

async function statusWith(authorization: string): Promise<number> {
  return (await sendRaw(stage.origins.main, statusRequest(authorization))).status;
}

test('4.1 token_type is bearer in lower case to the letter, for every client and on every listener', async () => {
  for (const origin of Object.values(stage.origins)) {
    for (const form of Object.values(forms)) {
      expect((await granted(form(), origin)).text).toContain('"token_type":"bearer"');
    }
  }
});

test('4.2 expires_in is the number 1799, and a token lives until its last second and no longer', async () => {
  const { expires_in: seconds, access_token: token } = await granted();
  expect(seconds).toBe(1799);
  try {
    // Clients renew 45 s early; one whose clock is behind does later.
    lapsedMs = 1798_000;
    expect(await statusWith(`Bearer ${token}`)).toBe(200);
    lapsedMs = 1801_000;
    expect(await statusWith(`Bearer ${token}`)).toBe(401);
  } finally {
    lapsedMs = 0;
  }
});

test('4.3 a new token ends none before it, and whoever asks for one before every call is not slowed', async () => {
  const tokens: string[] = [];
  for (let call = 0; call < 60; call += 1) tokens.push((await granted(forms.cpp())).access_token);
  const statuses = await Promise.all(tokens.map(async (token) => await statusWith(`Bearer ${token}`)));
  expect(statuses.every((status) => status === 200)).toBe(true);
});

test('4.4 no call of the C++ client, which crashes on a 401, is answered 401', async () => {
  for (const base of ['', '/'] as const) {
    const client = new CppClient(stage.origins.lenient, stage.app.client, base);
    const session = `cpp${base}`;
    expect(await client.settings()).toEqual([]);
    expect(await client.status(session)).toEqual([{ status: 'NotFound', sessionId: session }]);
    const { endTime: _end, ...info } = callInfo(session, { audio: undefined, Audio: { Format: 'wav' } });
    const callId = await client.upload(info, audio);
    const complete = { status: 'Complete', callId, sessionId: session };
    expect(await client.status(session, 'other')).toEqual([complete, { status: 'NotFound', sessionId: 'other' }]);
    // Several of its threads at once.
    expect(await Promise.all([1, 2, 3, 4].map(async () => await client.status(session)))).toEqual(
      [1, 2, 3, 4].map(() => [complete]),
    );
    expect(new Set(client.statuses)).toEqual(new Set([200]));
  }
});

test('4.5 after a 401 a new token is good at once on the same connection, and the refused request left nothing', async () => {
  const { access_token: old } = await granted();
  const before = await holdings(stage.app);
  const connection = new RawConnection(stage.origins.main);
  try {
    lapsedMs = 1801_000;
    const form = formOf([infoPart(callInfo('after-401')), dataPart()]);
    const upload = (token: string) =>
      rawRequest('POST /callCapture/v1/archive', [`Authorization: Bearer ${token}`, `Content-Type: ${formType}`], form);
    await connection.send(upload(old));
    const refused = await connection.answer();
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(refused.headers.get('connection')).toBe('keep-alive');
    expect(await holdings(stage.app)).toEqual(before);

    await connection.send(tokenRequest(forms.net()));
    const { access_token: fresh } = JSON.parse((await connection.answer()).body.toString()) as Granted;
    await connection.send(upload(fresh));
    expect((await connection.answer()).status).toBe(200);
  } finally {
    connection.close();
    lapsedMs = 0;
  }
});

test('4.6 any number of spaces may follow Bearer, which may be written in any case', async () => {
  const { access_token: token } = await granted();
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    for (const spaces of [1, 2, 3, 20]) {
      expect(await statusWith(`${scheme}${' '.repeat(spaces)}${token}`), `${scheme} ${spaces}`).toBe(200);
    }
  }
  expect(await statusWith(`Bearer${token}`)).toBe(401);
});
