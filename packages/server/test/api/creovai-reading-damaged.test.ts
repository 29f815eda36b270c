import { readdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { archiveCall, callInfo } from '../support/creovai-forms.ts';
import { expectGuarded, visit } from '../support/guest.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let origin: string;
let authorization: string;
let callId: string;
let link: string;

beforeEach(async () => {
  app = await startApp();
  origin = await app.listen();
  const token = await app.token();
  authorization = `Bearer ${token}`;
  // Several segments, so that the first can be damaged and the last is whole.
  callId = await archiveCall(app, token, callInfo('damaged', { audio: { format: 'mp3' } }), Buffer.alloc(300_000, 'a'));
  const body = JSON.stringify({ email: 'guest@example.com', callId });
  const answer = await visit(`${origin}/callShare/v1/token`, { method: 'POST', headers: { authorization }, body });
  link = (JSON.parse(answer.text) as { callUrl: string }).callUrl;
});
afterEach(async () => await app.close());

/** The one file that holds the recording. */
function blobFile(): string {
  const folder = join(app.config.home, 'blobs');
  const [file, ...others] = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.startsWith(callId),
  );
  expect(others).toEqual([]);
  return join(file?.parentPath ?? '', file?.name ?? '');
}

/** Overwrites bytes at the beginning of the first segment, behind the header. */
async function damageStart(): Promise<void> {
  const file = await open(blobFile(), 'r+');
  await file.write(Buffer.alloc(64, 0xaa), 0, 64, 4096);
  await file.close();
}

describe.each([
  ['changed', damageStart],
  ['missing', async () => await rm(blobFile())],
])('a recording whose bytes are %s', (_how, damage) => {
  test.each([{}, { range: 'bytes=10-19' }])('is our failure, told in each surface its own way: %j', async (range) => {
    await damage();
    const headers = { authorization, ...range };
    const creovai = await visit(`${origin}/interactions/v2/${callId}/audio.mp3`, { headers });
    expect([creovai.status, creovai.headers.get('content-type')]).toEqual([500, 'application/json; charset=utf-8']);
    expect(JSON.parse(creovai.text)).toEqual({ message: 'Stored data is damaged' });
    const native = await visit(`${origin}/v1/calls/${callId}/recording`, { headers });
    expect([native.status, native.headers.get('content-type')]).toEqual([500, 'application/problem+json']);
    const page = await visit(`${link}/audio`, { headers });
    expect([page.status, page.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8']);
    expectGuarded(page);
    for (const answer of [creovai, native, page]) {
      for (const name of ['content-range', 'content-disposition', 'accept-ranges']) {
        expect(answer.headers.get(name), name).toBeNull();
      }
      expect(answer.headers.get('content-length')).toBe(String(answer.bytes.length));
    }
  });
});

test('a shared page outlives its recording', async () => {
  await rm(blobFile());
  const page = await visit(link);
  expect(page.status).toBe(200);
  expect(page.text).toContain('<audio');
});
