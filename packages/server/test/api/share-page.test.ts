import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scopes } from '../../src/model/tenant.ts';
import { archiveCall, audio, callInfo } from '../support/creovai-forms.ts';
import { CreovaiWire } from '../support/creovai-wire.ts';
import { expectGuarded, visit } from '../support/guest.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let wire: CreovaiWire;
let token: string;

beforeAll(async () => {
  app = await startApp();
  await app.listen();
  wire = await CreovaiWire.start(app);
  token = await app.token(scopes, wire.tenant);
});
afterAll(async () => await app.close());

async function linkTo(callId: string): Promise<string> {
  const answer = await wire.post('/callShare/v1/token', { email: 'guest@example.com', callId });
  return (answer.json as { callUrl: string }).callUrl;
}

/** Archives a chat and gives a link to it. */
async function chatLink(sessionId: string, participants: object[]): Promise<string> {
  const chat = { sessionId, utcStart: '2024-03-01T10:00:00Z', utcEnd: '2024-03-01T10:01:05Z', participants };
  const answer = await wire.post('/capture/v2/chat', chat);
  expect(answer.status, answer.body.toString()).toBe(200);
  return await linkTo((answer.json as { id: string }).id);
}

describe('the page behind a link', () => {
  test('is a plain page that runs nothing and is kept nowhere', async () => {
    const page = await visit(await linkTo(await wire.archived('plain')));
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expectGuarded(page);
    expect(page.text).toMatch(/^<!doctype html>/);
    expect(page.text).not.toMatch(/<script|<link|<img|<iframe|<form/i);
    expect(page.text).toContain('2024-03-01 10:00:00 UTC');
    expect(page.text).toContain('2 min 30 s');
  });

  test('shows who wrote what when, in the order of time', async () => {
    const page = await visit(
      await chatLink('chat', [
        { type: 'Agent', firstName: 'Avery', messages: [{ content: 'second', utcTimestamp: '2024-03-01T10:00:09Z' }] },
        {
          type: 'Customer',
          phoneNumber: '+15125550142',
          email: 'casey@example.com',
          messages: [
            { content: 'first', utcTimestamp: '2024-03-01T10:00:01Z' },
            { content: 'third', utcTimestamp: '2024-03-01T10:00:10Z' },
          ],
        },
      ]),
    );
    const turns = [...page.text.matchAll(/<bdi>(.*?)<\/bdi>.*?(\d\d:\d\d:\d\d) UTC.*?<p dir="auto">(.*?)<\/p>/g)];
    expect(turns.map(([, who, when, text]) => [who, when, text])).toEqual([
      ['Customer', '10:00:01', 'first'],
      ['Avery', '10:00:09', 'second'],
      ['Customer', '10:00:10', 'third'],
    ]);
    expect(page.text).not.toContain('<audio');
    expect(page.text).not.toMatch(/5125550|casey@/);
  });

  test('is text to the letter, whatever was archived', async () => {
    const hostile = `</p></li><script>alert(1)</script><b onclick="x">&amp;'\u202e\u0000\ud800`;
    const page = await visit(
      await chatLink('hostile', [
        { firstName: hostile, lastName: hostile, type: hostile, messages: [{ content: hostile }] },
      ]),
    );
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/<script|<b /);
    expect(page.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;&amp;amp;&#39;');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).not.toMatch(/script-src|unsafe/);
  });

  test('shows ten thousand turns', async () => {
    const turnsOf = (who: number) =>
      Array.from({ length: 5000 }, (_, i) => ({
        content: `turn ${i * 2 + who} <of> many`,
        utcTimestamp: new Date(Date.parse('2024-03-01T10:00:00Z') + (i * 2 + who) * 1000).toISOString(),
      }));
    const link = await chatLink('long', [{ messages: turnsOf(0) }, { messages: turnsOf(1) }]);
    const page = await visit(link);
    expect(page.status).toBe(200);
    const numbers = [...page.text.matchAll(/<p dir="auto">turn (\d+) &lt;of&gt; many<\/p>/g)].map(([, n]) => Number(n));
    expect(numbers).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  });

  test('answers HEAD with its headers alone', async () => {
    const link = await linkTo(await wire.archived('page-head'));
    const [page, head] = [await visit(link), await visit(link, { method: 'HEAD' })];
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(page.bytes.length));
    expect(head.bytes).toHaveLength(0);
    expectGuarded(head);
  });

  test('names its recording so that it is found from wherever the page was', async () => {
    const link = await linkTo(await wire.archived('found'));
    const upper = link.replace('/share/', '/SHARE//');
    for (const address of [link, `${link}/`, `${link}?utm=1`, upper]) {
      const page = await visit(address);
      const source = /<audio controls preload="metadata" src="([^"]+)"><\/audio>/.exec(page.text)?.[1] ?? '';
      const recording = await visit(new URL(source, address).href);
      expect(recording.status, source).toBe(200);
      expect(recording.bytes.equals(audio)).toBe(true);
    }
  });
});

describe('the recording behind a link', () => {
  test('comes back bit for bit under the type that it was archived with', async () => {
    const recording = await visit(`${await linkTo(await wire.archived('heard'))}/audio`);
    expect(recording.status).toBe(200);
    expect(recording.bytes.equals(audio)).toBe(true);
    expect(recording.headers.get('content-type')).toBe('audio/wav');
    expect(recording.headers.get('accept-ranges')).toBe('bytes');
    expectGuarded(recording);
  });

  test('comes in ranges, as players ask for it', async () => {
    const link = `${await linkTo(await wire.archived('ranged'))}/audio`;
    const part = await visit(link, { headers: { range: 'bytes=10-19' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 10-19/${audio.length}`);
    expect(part.bytes.equals(audio.subarray(10, 20))).toBe(true);
    const beyond = await visit(link, { headers: { range: `bytes=${audio.length}-` } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${audio.length}`);
    expect(beyond.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expectGuarded(beyond);
  });

  test('answers HEAD with its headers alone', async () => {
    const head = await visit(`${await linkTo(await wire.archived('head'))}/audio`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'audio/wav']);
    expect(head.headers.get('content-length')).toBe(String(audio.length));
    expect(head.bytes).toHaveLength(0);
    expectGuarded(head);
  });

  test('never becomes a page of ours, whatever type its client gave it', async () => {
    const script = Buffer.from('<script>alert(1)</script>');
    const id = await archiveCall(app, token, callInfo('html'), script, 'text/html');
    const recording = await visit(`${await linkTo(id)}/audio`);
    expect(recording.headers.get('content-disposition')).toBe('attachment');
    expectGuarded(recording);
  });

  test('of a call that has none is a dead link', async () => {
    const link = await chatLink('silent', []);
    expect((await visit(link)).text).toContain('There is no recording and no transcript.');
    expect((await visit(`${link}/audio`)).status).toBe(404);
  });
});
