import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCall } from '../../src/engine/calls/read-call.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import type { Store } from '../../src/model/store.ts';
import { archiveCall, callInfo } from '../support/creovai-forms.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { RawConnection } from '../support/raw-http.ts';

let aheadMs = 0;
let app: TestApp;
let faults: HookedFaults;
let origin: string;
let token: string;

beforeEach(async () => {
  aheadMs = 0;
  faults = new HookedFaults();
  app = await startApp({ faults, clock: { now: () => Date.now() + aheadMs } });
  origin = await app.listen();
  token = await app.token();
});
afterEach(async () => await app.close());

const mp3 = { audio: { format: 'mp3' } };

async function ask(path: string, body?: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
  return await fetch(`${origin}${path}`, init);
}

/** A link to a call, as a path. */
async function shared(callId: string): Promise<string> {
  const answer = await ask('/interactions/v2/token', { email: 'guest@example.com', interactionId: callId });
  return new URL(((await answer.json()) as { shareUri: string }).shareUri).pathname;
}

/** Every way in which something of a call is read, as status codes. */
async function seen(callId: string, link: string) {
  const status = async (path: string) => (await ask(path)).status;
  return {
    details: await status(`/interactions/v2/${callId}`),
    audio: await status(`/interactions/v2/${callId}/audio.mp3`),
    recording: await status(`/v1/calls/${callId}/recording`),
    page: await status(link),
    pageAudio: await status(`${link}/audio`),
    share: (await ask('/callShare/v1/token', { email: 'guest@example.com', callId })).status,
  };
}

const shown = { details: 200, audio: 200, recording: 200, page: 200, pageAudio: 200, share: 200 };
const hidden = { details: 404, audio: 404, recording: 404, page: 404, pageAudio: 404, share: 404 };
const silent = { ...shown, audio: 404, recording: 404, pageAudio: 404 };

/** Starts an erasure and holds it where its gate stands and nothing is shredded yet. `finish` lets it end. */
async function gated(callId: string, action: ErasureAction, keepRecording = false) {
  const gate = faults.stop('erase:gated');
  const asked = { action, keepRecording, callIds: [callId] };
  const erasing = eraseNow(app.engine, app.caller(), asked);
  await gate.reached;
  const finish = async () => {
    gate.goOn();
    await (await erasing)?.ended;
  };
  return { finish };
}

describe('a purge that has begun and shredded nothing yet', () => {
  test('hides details, audio, recording and links at once, and so they stay', async () => {
    const id = await archiveCall(app, token, callInfo('to-go', mp3));
    const link = await shared(id);
    expect(await seen(id, link)).toEqual(shown);
    const { finish } = await gated(id, 'purge');
    expect(await seen(id, link)).toEqual(hidden);
    await finish();
    expect(await seen(id, link)).toEqual(hidden);
  });

  test.each(['audio.mp3', 'share'])('cuts a running download of %s', async (way) => {
    // More than all buffers between here and there hold, so that the server has to wait for us.
    const id = await archiveCall(app, token, callInfo('long', mp3), Buffer.alloc(48 * 1024 * 1024, 'tone'));
    const path = way === 'share' ? `${await shared(id)}/audio` : `/interactions/v2/${id}/audio.mp3`;
    const connection = new RawConnection(origin);
    await connection.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await connection.pauseAtFirstByte();
    const { finish } = await gated(id, 'purge');
    aheadMs = 1000;
    connection.resume();
    await expect(connection.answer()).rejects.toThrow(/connection ended/);
    await finish();
  });
});

describe('a depersonalised call', () => {
  test('keeps what it is recognised by, and nothing personal, from the start of the erasure on', async () => {
    const info = callInfo('nobody', { ...mp3, masterCallId: 'm-1' });
    const id = await archiveCall(app, token, info);
    const link = await shared(id);
    const { finish } = await gated(id, 'depersonalize');
    const expectFaceless = async () => {
      expect(await seen(id, link)).toEqual(silent);
      const text = await (await ask(`/interactions/v2/${id}`)).text();
      expect(text).not.toMatch(/Casey|Avery|5125550|billing/);
      expect(JSON.parse(text)).toMatchObject({
        id,
        sessionId: 'nobody',
        masterId: 'm-1',
        participants: [],
        metadata: {},
        numberDialed: null,
        durationMs: 150_000,
        direction: 'Inbound',
      });
      const page = await (await ask(link)).text();
      expect(page).toContain('2024-03-01 10:00:00 UTC');
      expect(page).not.toContain('<audio');
    };
    await expectFaceless();
    await finish();
    await expectFaceless();
  });

  test('whose recording was kept can still be heard', async () => {
    const id = await archiveCall(app, token, callInfo('voice', mp3));
    const link = await shared(id);
    const { finish } = await gated(id, 'depersonalize', true);
    expect(await seen(id, link)).toEqual(shown);
    await finish();
    expect(await seen(id, link)).toEqual(shown);
    expect(await (await ask(`/interactions/v2/${id}`)).json()).toMatchObject({ participants: [] });
  });
});

test('a call whose recording was deleted keeps its details, and its page has nothing to play', async () => {
  const id = await archiveCall(app, token, callInfo('silenced', mp3));
  const link = await shared(id);
  const { finish } = await gated(id, 'delete-recording');
  expect(await seen(id, link)).toEqual(silent);
  await finish();
  expect(await seen(id, link)).toEqual(silent);
  const details = await (await ask(`/interactions/v2/${id}`)).json();
  expect(details).toMatchObject({ metadata: { queue: 'billing' } });
  expect(await (await ask(link)).text()).not.toContain('<audio');
});

/** The archive's store as a slow reader meets it: `meanwhile` happens once its rows are read and before it goes on. */
function slowly(store: Store, meanwhile: () => Promise<void>): Store {
  return {
    reads: store.reads,
    writeAimMs: store.writeAimMs,
    keyStore: store.keyStore,
    write: async (work) => await store.write(work),
    snapshot: async (work) => {
      const seen = await store.snapshot(work);
      await meanwhile();
      return seen;
    },
    migrate: async () => await store.migrate(),
    checkpoint: async () => await store.checkpoint(),
    copyTo: async (file, options) => await store.copyTo(file, options),
    close: async () => await store.close(),
  };
}

describe('a reader whom an erasure overtakes between looking and opening', () => {
  /** Reads a call while it is erased; the erasure is begun and shredded after the rows were read for the first time. */
  async function readWhileErased(session: string, action: ErasureAction) {
    const id = await archiveCall(app, token, callInfo(session));
    let erasures = 0;
    const meanwhile = async () => {
      erasures += 1;
      if (erasures > 1) return;
      await (await eraseNow(app.engine, app.caller(), { action, keepRecording: false, callIds: [id] }))?.shredded;
    };
    return await readCall({ ...app.engine, store: slowly(app.engine.store, meanwhile) }, app.caller(), id);
  }

  test('hears of a purged call what everybody hears', async () => {
    await expect(readWhileErased('raced', 'purge')).rejects.toMatchObject({ code: 'call_not_found' });
  });

  test('gets of a depersonalised call what is left, and nothing of before', async () => {
    const read = await readWhileErased('raced', 'depersonalize');
    expect(read).toMatchObject({ details: null, recording: null, correlation: { sessionId: 'raced' } });
  });
});
