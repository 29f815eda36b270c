import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient, disableClient } from '../../src/engine/access/clients.ts';
import { issueToken } from '../../src/engine/access/issue-token.ts';
import { operator } from '../../src/engine/access/operator.ts';
import { signingKeys } from '../../src/engine/access/signing-key.ts';
import { disableUser } from '../../src/engine/access/users.ts';
import { shareCall } from '../../src/engine/calls/share.ts';
import type { Caller } from '../../src/engine/context.ts';
import { deleteRecording, depersonalizeCall } from '../../src/engine/erasure/depersonalize.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { newId } from '../../src/lib/ids.ts';
import { linkSigner } from '../../src/lib/share-token.ts';
import { scopes } from '../../src/model/tenant.ts';
import { type GuestAnswer, visit } from '../support/guest.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { RawConnection } from '../support/raw-http.ts';
import { newUser } from '../support/twin-users.ts';

const dayMs = 24 * 3_600_000;
const audio = Buffer.alloc(200_000, 'the tone of a voice');
const faults = new HookedFaults();
let aheadMs = 0;
let app: TestApp;
let origin: string;
let token: string;

beforeAll(async () => {
  app = await startApp({ faults, clock: { now: () => Date.now() + aheadMs } });
  origin = await app.listen();
});
beforeEach(async () => {
  token = await app.token();
});
afterAll(async () => await app.close());

async function archived(bytes = audio, contentType = 'audio/mpeg'): Promise<string> {
  return await archivePlatformCall(app.engine, app.caller(), { recording: { bytes, contentType } });
}

/** The link in a call's row, as the bearer of this token sees it. */
async function linkTo(callId: string, bearer = token): Promise<string> {
  const url = `${origin}/analyse/api/v1/search/cis/calls?id=${callId}&fields=recordPath`;
  const answer = await visit(url, { headers: { authorization: `Bearer ${bearer}` } });
  const { items } = JSON.parse(answer.text) as { items: { recordPath: string }[] };
  return items[0]?.recordPath ?? '';
}

/** The one answer to every link that opens nothing. */
function expectDead(answer: GuestAnswer): void {
  expect(answer.status, answer.text).toBe(404);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(JSON.parse(answer.text)).toEqual({ error: 'No such recording' });
}

describe('the link in a row', () => {
  test('leads to the bytes that were archived, to be saved as a file, with nothing else asked for', async () => {
    const link = await linkTo(await archived());
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/cis\/api\/v1\/records\/[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+\.mp3$/);
    const answer = await visit(link);
    expect(answer.status).toBe(200);
    expect(answer.bytes.equals(audio)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'audio/mpeg',
      'content-length': String(audio.length),
      'content-disposition': 'attachment',
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  test('gives ranges, and says where there is none', async () => {
    const link = await linkTo(await archived());
    const part = await visit(link, { headers: { range: 'bytes=70000-140000' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 70000-140000/${audio.length}`);
    expect(part.bytes.equals(audio.subarray(70_000, 140_001))).toBe(true);
    const beyond = await visit(link, { headers: { range: `bytes=${audio.length}-` } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${audio.length}`);
    expect(JSON.parse(beyond.text)).toEqual({ error: 'The recording has no such bytes' });
  });

  test('answers HEAD with its headers alone, at either address of the service', async () => {
    const link = await linkTo(await archived());
    for (const url of [link, link.replace('/cis/api', '/api'), `${link}/`, `${link}?x=1`]) {
      const head = await visit(url, { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(head.headers.get('content-length')).toBe(String(audio.length));
      expect(head.bytes).toHaveLength(0);
    }
  });

  test('never becomes a page of ours, whatever type its platform gave it', async () => {
    const answer = await visit(await linkTo(await archived(audio, 'text/html; charset=x"><script>')));
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-disposition')).toBe('attachment');
  });

  test('does not care for a token that comes with it, good or bad', async () => {
    const link = await linkTo(await archived());
    const answer = await visit(link, { headers: { authorization: 'Bearer null' } });
    expect(answer.status).toBe(200);
  });

  test('is another each time, and says nothing of its call', async () => {
    const callId = await archived();
    const links = [await linkTo(callId), await linkTo(callId)];
    expect(new Set(links).size).toBe(2);
    for (const link of links) expect(Buffer.from(link, 'base64url').toString('latin1')).not.toContain(callId);
  });

  test('made for a user of Twin24 opens on behalf of that user', async () => {
    const { email, password } = await newUser(app, { scopes: ['calls:read'] });
    const body = JSON.stringify({ email, password });
    const login = await visit(`${origin}/iam/api/v1/auth/login`, { method: 'POST', body });
    const { token: theirs } = JSON.parse(login.text) as { token: string };
    const link = await linkTo(await archived(), theirs);
    expect((await visit(link)).bytes.equals(audio)).toBe(true);
    await disableUser(app.engine, { email, actor: operator });
    expectDead(await visit(link));
  });
});

describe('a link is dead', () => {
  test('once its time is over', async () => {
    const link = await linkTo(await archived());
    try {
      aheadMs = dayMs - 10_000;
      expect((await visit(link)).status).toBe(200);
      aheadMs = dayMs;
      expectDead(await visit(link));
    } finally {
      aheadMs = 0;
    }
  });

  test('once the recording is deleted, the call depersonalized with it, or purged', async () => {
    const erasings = [
      async (id: string) => await deleteRecording(app.engine, app.caller(), id, { waitMs: 20_000 }),
      async (id: string) =>
        await depersonalizeCall(app.engine, app.caller(), id, { keepRecording: false, waitMs: 20_000 }),
      async (id: string) => {
        const asked = { action: 'purge', keepRecording: false, callIds: [id] } as const;
        await (await eraseNow(app.engine, app.caller(), asked))?.ended;
      },
    ];
    for (const erase of erasings) {
      const callId = await archived();
      const link = await linkTo(callId);
      expect((await visit(link)).status).toBe(200);
      await erase(callId);
      expectDead(await visit(link));
    }
  });

  test('but not when a depersonalization keeps the recording', async () => {
    const callId = await archived();
    const link = await linkTo(callId);
    await depersonalizeCall(app.engine, app.caller(), callId, { keepRecording: true, waitMs: 20_000 });
    expect((await visit(link)).bytes.equals(audio)).toBe(true);
    await depersonalizeCall(app.engine, app.caller(), callId, { keepRecording: false, waitMs: 20_000 });
    expectDead(await visit(link));
  });

  test('from the start of the erasure on, before anything is shredded', async () => {
    const callId = await archived();
    const link = await linkTo(callId);
    const gate = faults.stop('erase:gated');
    const asked = { action: 'delete-recording', keepRecording: false, callIds: [callId] } as const;
    const erasing = eraseNow(app.engine, app.caller(), asked);
    await gate.reached;
    expectDead(await visit(link));
    gate.goOn();
    await (await erasing)?.ended;
  });

  test('once its maker is disabled, and no other maker with it', async () => {
    const maker = await createClient(app.engine, app.tenant, { scopes: [...scopes], actor: operator });
    const asked = { clientId: maker.clientId, secret: maker.clientSecret, address: '127.0.0.1' };
    const callId = await archived();
    const theirs = await linkTo(callId, (await issueToken(app.engine, asked)).token);
    const others = await linkTo(callId);
    await disableClient(app.engine, app.tenant, maker.clientId, operator);
    expectDead(await visit(theirs));
    expect((await visit(others)).status).toBe(200);
  });

  test('for a maker who may not read', async () => {
    const maker = await createClient(app.engine, app.tenant, { scopes: ['calls:write'], actor: operator });
    expectDead(await visit(await forged({ clientId: maker.clientId, callId: await archived() })));
  });

  test('for a call of another tenant, and for none', async () => {
    const { clientId } = app.client;
    expectDead(await visit(await forged({ clientId, callId: newId(Date.now()) })));
    const callId = await archived();
    expect((await visit(await forged({ clientId, callId }))).status).toBe(200);
    expectDead(await visit(await forged({ clientId, callId, tenantId: newId(Date.now()) })));
  });

  test('that was made to share a call, and the other way round', async () => {
    const callId = await archived();
    const shared = await shareCall(app.engine, app.caller(), callId);
    expectDead(await visit(`${origin}/cis/api/v1/records/${shared.token}.mp3`));
    const secret = /records\/(.+)\.mp3$/.exec(await linkTo(callId))?.[1] ?? '';
    expect((await visit(`${origin}/share/${secret}`)).status).toBe(404);
    expect((await visit(`${origin}/share/${secret}/audio`)).status).toBe(404);
  });

  test.each(['x', 'x.mp3', '..mp3', 'a..b.c.d.mp3', '%00.mp3', 'a..b.c.d'])(
    'that somebody made up: %s',
    async (name) => {
      expectDead(await visit(`${origin}/cis/api/v1/records/${name}`));
    },
  );

  /** A link of ours, made without having asked whether it may be. */
  async function forged(what: { clientId: string; callId: string; tenantId?: string }): Promise<string> {
    const sign = linkSigner({ keys: await signingKeys(app.engine), clock: app.engine.clock }, 'record');
    const made = sign({ subjectKind: 'client', tenantId: app.tenant.id, lifeMs: dayMs, ...what });
    return `${origin}/cis/api/v1/records/${made.token}.mp3`;
  }
});

test('a running download is cut within a second of the erasure', async () => {
  // More than all buffers between here and there hold, so that the server has to wait for us.
  const callId = await archived(Buffer.alloc(48 * 1024 * 1024, 'tone'));
  const connection = new RawConnection(origin);
  await connection.send(`GET ${new URL(await linkTo(callId)).pathname} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await connection.pauseAtFirstByte();
  await deleteRecording(app.engine, app.caller(), callId, { waitMs: 20_000 });
  try {
    aheadMs = 1000;
    connection.resume();
    await expect(connection.answer()).rejects.toThrow(/connection ended/);
  } finally {
    aheadMs = 0;
  }
});

test('operators say how long links live', async () => {
  const own = await startApp({ env: { TACET_RECORD_LINK_LIFE: '1m' }, clock: { now: () => Date.now() + aheadMs } });
  try {
    const caller: Caller = own.caller();
    const callId = await archivePlatformCall(own.engine, caller, {
      recording: { bytes: audio, contentType: 'audio/wav' },
    });
    const headers = { authorization: `Bearer ${await own.token()}` };
    const url = `/api/v1/search/cis/calls?id=${callId}`;
    const { items } = (await own.http.inject({ url, headers })).json<{ items: { recordPath: string }[] }>();
    const path = new URL(items[0]?.recordPath ?? '').pathname;
    expect((await own.http.inject(path)).statusCode).toBe(200);
    aheadMs = 60_000;
    expect((await own.http.inject(path)).statusCode).toBe(404);
  } finally {
    aheadMs = 0;
    await own.close();
  }
});
