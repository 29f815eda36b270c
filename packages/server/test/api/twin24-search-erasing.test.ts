import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReadCall } from '../../src/engine/calls/read-call.ts';
import { type CallQuery, type FoundCalls, searchCalls } from '../../src/engine/calls/search-calls.ts';
import { depersonalizeCall } from '../../src/engine/erasure/depersonalize.ts';
import { eraseNow } from '../../src/engine/erasure/erase-now.ts';
import { contextOf } from '../../src/engine/secrets.ts';
import { sealBytes } from '../../src/keys/sealing.ts';
import { callArtifactKinds } from '../../src/model/call.ts';
import { startApp, type TestApp } from '../support/harness.ts';
import { archivePlatformCall } from '../support/platform-calls.ts';
import { type Found, searchAnswer, searchPath } from '../support/twin-search.ts';

let aheadMs = 0;
let app: TestApp;

beforeEach(async () => {
  aheadMs = 0;
  app = await startApp({ clock: { now: () => Date.now() + aheadMs } });
});
afterEach(async () => await app.close());

const phone = '79991234567';
const everything: CallQuery = {
  conditions: {},
  identifiers: [],
  filter: null,
  order: { by: 'startedAt', isDescending: false },
  part: { offset: 0, limit: 1000 },
  opens: callArtifactKinds,
  isCounted: true,
};

/** Archives so many calls, the oldest first. */
async function archived(count: number, text = 'hello'): Promise<string[]> {
  const ids: string[] = [];
  const turn = { text, participant: null, role: 'bot', at: null, startMs: null, endMs: null, extra: {} };
  for (let i = 0; i < count; i += 1) {
    const seed = {
      startedAt: Date.parse('2024-03-01T10:00:00Z') + i,
      details: { participants: [{ role: 'customer', phone, email: null, name: null }] },
      transcript: { turns: [turn] },
    };
    ids.push(await archivePlatformCall(app.engine, app.caller(), seed));
  }
  return ids;
}

async function depersonalize(callId: string): Promise<void> {
  await depersonalizeCall(app.engine, app.caller(), callId, { keepRecording: false, waitMs: 20_000 });
}

async function purge(callId: string): Promise<void> {
  const asked = { action: 'purge', keepRecording: false, callIds: [callId] } as const;
  await (await eraseNow(app.engine, app.caller(), asked))?.shredded;
}

/** The calls that are still to be shown. */
async function rest({ shown }: FoundCalls): Promise<ReadCall[]> {
  const read: ReadCall[] = [];
  for await (const one of shown) read.push(one);
  return read;
}

function phonesIn(read: readonly ReadCall[]): boolean[] {
  return read.map(({ details }) => JSON.stringify(details).includes(phone));
}

describe('a list that is read slowly', () => {
  test('shows nothing that was erased more than a second before', async () => {
    const [first = '', second = '', third = '', fourth = ''] = await archived(4);
    const found = await searchCalls(app.engine, app.caller(), everything);
    expect(found.count()).toBe(4);
    const { value } = await found.shown.next();
    expect((value as ReadCall).call.id).toBe(first);
    await depersonalize(second);
    await purge(third);
    aheadMs = 1000;
    const read = await rest(found);
    expect(read.map(({ call }) => call.id)).toEqual([second, fourth]);
    expect(phonesIn(read)).toEqual([false, true]);
    expect(read[0]?.transcript).toBeNull();
    expect(found.count()).toBe(3);
  });

  test('opens no call before its turn has come near', async () => {
    const ids = await archived(70);
    const found = await searchCalls(app.engine, app.caller(), everything);
    await found.shown.next();
    await depersonalize(ids[69] ?? '');
    const read = await rest(found);
    expect(read.map(({ call }) => call.id)).toEqual(ids.slice(1));
    expect(phonesIn(read)).toEqual(ids.slice(1).map((id) => id !== ids[69]));
  });

  test('of calls found by a number leaves out one whose number is erased meanwhile', async () => {
    const ids = await archived(3);
    const byPhone: CallQuery = { ...everything, identifiers: [{ kind: 'phone', value: `+${phone}` }], opens: [] };
    const found = await searchCalls(app.engine, app.caller(), byPhone);
    expect(found.count()).toBe(3);
    await depersonalize(ids[1] ?? '');
    expect((await rest(found)).map(({ call }) => call.id)).toEqual([ids[0], ids[2]]);
    expect(found.count()).toBe(2);
    const later = await searchCalls(app.engine, app.caller(), byPhone);
    expect((await rest(later)).map(({ call }) => call.id)).toEqual([ids[0], ids[2]]);
  });

  test('opens nothing that nobody asked for', async () => {
    await archived(1);
    const found = await searchCalls(app.engine, app.caller(), { ...everything, opens: ['correlation'] });
    const [read] = await rest(found);
    expect(read).toMatchObject({ details: null, transcript: null, recording: null });
    expect(read?.correlation).not.toBeNull();
  });
});

describe('an answer that is under way', () => {
  test('over the wire shows each call as it is when it is sent', async () => {
    // More than all buffers between here and there hold, so that the server has to wait for us.
    const ids = await archived(48, 'x'.repeat(500_000));
    const answer = await begun('fields=id,phone,messages&sort=startedAt');
    await depersonalize(ids[45] ?? '');
    await purge(ids[46] ?? '');
    aheadMs = 1000;
    const { count, items } = JSON.parse(await wholeOf(answer)) as Found;
    expect(items.map((row) => row['id'])).toEqual(ids.filter((id) => id !== ids[46]));
    expect(count).toBe(47);
    expect(items[45]).toEqual({ id: ids[45], phone: null, messages: [] });
    expect(items[46]?.['phone']).toBe(phone);
  });

  test('breaks off at what goes wrong, and the operator is told', async () => {
    const ids = await archived(80, 'x'.repeat(10_000));
    await breakProgram(ids[75] ?? '');
    const told = app.nextLog(({ event }) => event === 'http.failed');
    await expect(wholeOf(await begun('sort=startedAt'))).rejects.toThrow();
    expect(await told).toMatchObject({ code: 'internal' });
  });

  test('leaves out a damaged call, does not count it, and the operator is told', async () => {
    const ids = await archived(80, 'x'.repeat(10_000));
    const [, damaged = ''] = ids;
    await damage(damaged);
    const whole = ids.filter((id) => id !== damaged);
    const token = await app.token();
    for (const query of ['sort=startedAt', `sort=startedAt&id=${ids.join()}`]) {
      const told = app.nextLog(({ event }) => event === 'call.damaged');
      const answer = await searchAnswer(app, token, query);
      const { count, items } = answer.json<Found>();
      expect([answer.statusCode, count, items.map((row) => row['id'])], query).toEqual([200, 79, whole]);
      expect(await told).toMatchObject({ callId: damaged });
    }
    const unopened = (await searchAnswer(app, token, 'fields=id')).json<Found>();
    expect([unopened.count, unopened.items.length]).toEqual([80, 80]);
  });

  test('for the one call that was asked for is an error like any other where it is damaged', async () => {
    const [id = ''] = await archived(1);
    await damage(id);
    const answer = await searchAnswer(app, await app.token(), { id });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({ error: expect.any(String) });
    expect((await searchAnswer(app, await app.token(), { id, fields: 'id,status' })).statusCode).toBe(200);
  });
});

/** The answer to a search, of whose body nobody has read anything yet. */
async function begun(query: string): Promise<IncomingMessage> {
  const url = `${await app.listen()}${searchPath}?${query}`;
  const headers = { authorization: `Bearer ${await app.token()}` };
  return await new Promise((resolve, reject) => get(url, { headers }, resolve).on('error', reject));
}

async function wholeOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Seals a transcript that nobody can have given: whoever opens it meets a defect of ours. */
async function breakProgram(callId: string): Promise<void> {
  const artifact = await app.engine.store.reads.artifacts.find(callId, 'transcript');
  if (artifact === undefined) throw new Error('the call has no transcript');
  const key = await app.engine.tree.keyOf(artifact.slot);
  const sealed = sealBytes(key, contextOf(artifact), Buffer.from('no JSON'));
  await app.engine.store.write((tx) => tx.artifacts.setSealed(artifact.slot, { sealed }));
}

/** Puts other bytes in place of a call's sealed transcript. */
async function damage(callId: string): Promise<void> {
  await app.engine.store.write(async (tx) => {
    const artifact = await tx.artifacts.find(callId, 'transcript');
    await tx.artifacts.setSealed(artifact?.slot ?? -1, { sealed: Buffer.alloc(500, 1) });
  });
}
