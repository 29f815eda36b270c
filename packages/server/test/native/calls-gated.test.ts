import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenant } from '../../src/engine/access/create-tenant.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import type { ErasureAction } from '../../src/model/erasure.ts';
import { scopes } from '../../src/model/tenant.ts';
import { untilQuiet } from '../crash/quiet.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { NativeClient, startedAt } from '../support/native-client.ts';
import { OperationClient } from '../support/operation-client.ts';

let app: TestApp;
let client: NativeClient;
let reader: OperationClient;
const faults = new HookedFaults();
const recording = Buffer.from('not quite a sound');
const transcript = [{ role: 'bot', text: 'Good morning!' }];

beforeAll(async () => {
  app = await startApp({ faults });
  const token = await app.token();
  client = new NativeClient(app, token);
  reader = new OperationClient(app, token);
});
afterAll(async () => {
  await untilQuiet(app.engine);
  await app.close();
});

type Row = { id: string };
const idsOf = (body: Record<string, unknown>) => (body['calls'] as Row[]).map(({ id }) => id);

async function found(body: object, as = reader): Promise<string[]> {
  const answer = await as.ask('searchCalls', '', { body });
  expect(answer.status).toBe(200);
  return idsOf(answer.body);
}

async function listed(query: Record<string, string> = {}, as = reader): Promise<string[]> {
  return idsOf((await as.ask('listCalls', '', { query })).body);
}

/** Starts an erasure and holds it where its gate stands and nothing is shredded yet. `finish` lets it end. */
async function gated(callId: string, action: ErasureAction, keepRecording = false) {
  const gate = faults.stop('erase:gated');
  const erasing = eraseNow(app.engine, app.caller(), { action, keepRecording, callIds: [callId] });
  await gate.reached;
  return {
    async finish() {
      gate.goOn();
      await (await erasing)?.ended;
    },
  };
}

let sessions = 0;

/** A call with all its parts, and every way in which something of it is read. */
async function whole() {
  sessions += 1;
  const sessionId = `gated-${sessions}`;
  const phone = `+1512555${2000 + sessions}`;
  const participants = [{ role: 'customer', phone, email: `gated-${sessions}@example.com` }];
  const id = await client.archived({ startedAt, sessionId, participants, transcript }, { recording });
  const seen = async () => {
    const { status, body } = await reader.ask('getCall', id);
    return {
      call: status,
      participants: status === 200 ? body['participants'] !== null : false,
      hasRecording: body['hasRecording'] ?? false,
      hasTranscript: body['hasTranscript'] ?? false,
      transcript: (await reader.ask('getTranscript', id)).status,
      recording: (await client.recording(id)) !== undefined,
      isListed: (await listed({ limit: '1000' })).includes(id),
      byPhone: (await found({ phones: [phone] })).includes(id),
      byEmail: (await found({ emails: [participants[0]?.email ?? ''] })).includes(id),
      bySession: (await found({ sessions: [sessionId] })).includes(id),
      byBoth: (await found({ sessions: [sessionId], phones: [phone] })).includes(id),
    };
  };
  return { id, seen };
}

const shown = {
  call: 200,
  participants: true,
  hasRecording: true,
  hasTranscript: true,
  transcript: 200,
  recording: true,
  isListed: true,
  byPhone: true,
  byEmail: true,
  bySession: true,
  byBoth: true,
};
const pseudonymised = {
  ...shown,
  participants: false,
  hasTranscript: false,
  transcript: 404,
  byPhone: false,
  byEmail: false,
};
const hidden = {
  ...pseudonymised,
  call: 404,
  hasRecording: false,
  recording: false,
  isListed: false,
  bySession: false,
  byBoth: false,
};
const silent = { ...shown, hasRecording: false, recording: false };

describe('an erasure that has begun and shredded nothing yet', () => {
  test.each([
    ['purge', false, hidden],
    ['depersonalize', false, { ...pseudonymised, hasRecording: false, recording: false }],
    ['depersonalize', true, pseudonymised],
    ['delete-recording', false, silent],
  ] as const)(
    '%s (recording kept: %s) hides what it erases from every read, and so it stays',
    async (action, keep, left) => {
      const { id, seen } = await whole();
      expect(await seen()).toEqual(shown);
      const { finish } = await gated(id, action, keep);
      expect(await seen()).toEqual(left);
      await finish();
      expect(await seen()).toEqual(left);
    },
  );

  test('leaves no page short of the calls that come after', async () => {
    const tenant = await createTenant(app.engine, { slug: 'gated-pages', region: 'US' });
    const of = await app.token(scopes, tenant);
    const platform = new NativeClient(app, of);
    const ids: string[] = [];
    for (let minute = 0; minute < 6; minute += 1) {
      ids.unshift(await platform.archived({ startedAt: `2026-03-01T10:0${minute}:00Z` }));
    }
    const gate = faults.stop('erase:gated');
    const caller = { ...app.caller(), tenant };
    const asked = { action: 'purge', keepRecording: false, callIds: ids.slice(1, 4) } as const;
    const erasing = eraseNow(app.engine, caller, asked);
    await gate.reached;
    const own = new OperationClient(app, of);
    expect(await listed({ limit: '2' }, own)).toEqual([ids[0], ids[4]]);
    gate.goOn();
    await (await erasing)?.ended;
    expect(await listed({}, own)).toEqual([ids[0], ids[4], ids[5]]);
  });
});
