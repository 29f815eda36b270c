import { describe, expect, test } from 'vitest';
import type { Turn } from '../../engine/archive/new-call.ts';
import type { ReadCall } from '../../engine/calls/read-call.ts';
import { type Call, noCampaign, untouched } from '../../model/call.ts';
import { callPage } from './call-page.ts';

const startMs = Date.parse('2024-03-01T10:00:00Z');
const call: Call = {
  id: 'the-call',
  tenantId: 't',
  kind: 'call',
  source: 'creovai',
  direction: 'inbound',
  status: 'complete',
  startedAt: startMs,
  endedAt: null,
  durationMs: 3_723_000,
  createdAt: startMs,
  uploadUntil: null,
  isUploadDoomed: false,
  ...noCampaign,
  ...untouched,
};
const bare: ReadCall = {
  call,
  correlation: null,
  details: null,
  transcript: null,
  recording: null,
  updatedAt: startMs,
};
const recording = { contentType: 'audio/wav', format: null, sha256: '', sizeBytes: 1, sealedBytes: 1 };
const turn: Turn = { text: 'Hello', participant: null, role: null, at: null, startMs: null, endMs: null, extra: {} };

function pageOf(change: Partial<ReadCall>, source = 'x/audio'): string {
  return callPage({ ...bare, ...change }, source);
}

/** The items of the transcript, as HTML. */
function itemsOf(turns: Partial<Turn>[], contacts: object[] = []): string[] {
  const transcript = { turns: turns.map((one) => ({ ...turn, ...one })) };
  return [...pageOf({ transcript, details: { contacts } }).matchAll(/<li>(.*)<\/li>/g)].map(([, item]) => item ?? '');
}

describe('the page of a shared call', () => {
  test('says when it began and how long it was', () => {
    const page = pageOf({});
    expect(page).toContain('datetime="2024-03-01T10:00:00.000Z">2024-03-01 10:00:00 UTC</time>');
    expect(page).toContain('<dd>1 h 2 min 3 s</dd>');
  });

  test.each([
    [7_400, '7 s'],
    [725_000, '12 min 5 s'],
    [0, '0 s'],
  ])('says %d ms in words', (durationMs, words) => {
    expect(pageOf({ call: { ...call, durationMs } })).toContain(`<dd>${words}</dd>`);
  });

  test('leaves out what is not known', () => {
    const page = pageOf({ call: { ...call, startedAt: null, durationMs: null } });
    expect(page).not.toContain('<dl>');
    expect(page).toContain('There is no recording and no transcript.');
  });

  test('plays the recording where there is one', () => {
    expect(pageOf({ recording })).toContain('<audio controls preload="metadata" src="x/audio"></audio>');
    expect(pageOf({})).not.toContain('<audio');
  });

  test('shows neither numbers nor addresses nor metadata nor ids', () => {
    const details = {
      contacts: [{ firstName: 'Casey', phoneNumber: '+15125550142', email: 'c@example.com', referenceId: 'ref-7' }],
      numberDialed: '+15125550199',
      metadata: { secret: 'of-the-queue' },
    };
    const correlation = { sessionId: 'the-session' };
    const transcript = { turns: [{ ...turn, participant: 0, extra: { hidden: 'hidden-word' } }] };
    const page = pageOf({ details, correlation, transcript, recording });
    expect(page).toContain('Casey');
    expect(page).not.toMatch(/5125550|example\.com|ref-7|of-the-queue|the-session|the-call|hidden-word/);
  });
});

describe('the transcript on the page', () => {
  const contacts = [{ firstName: 'Ann', lastName: 'Lee' }, { type: 'Customer' }, {}];

  test('says who spoke: by name, by role, by place, by the role of the turn, or that nobody knows', () => {
    const turns = [0, 1, 2, 3, null].map((participant) => ({ participant }));
    const items = itemsOf([...turns, { role: 'bot' }], contacts);
    const names = items.map((item) => /<bdi>(.*?)<\/bdi>/.exec(item)?.[1]);
    expect(names).toEqual(['Ann Lee', 'Customer', 'Participant 3', 'Unknown', 'Unknown', 'bot']);
  });

  test('says when: by the place in the recording, else by the time, else not', () => {
    const whenOf = (change: Partial<Turn>) => /class="when"[^>]*>([^<]*)</.exec(itemsOf([change])[0] ?? '')?.[1];
    expect(whenOf({ startMs: 7_900 })).toBe('0:07');
    expect(whenOf({ startMs: 725_000, at: startMs })).toBe('12:05');
    expect(whenOf({ startMs: 3_723_000 })).toBe('1:02:03');
    expect(whenOf({ at: startMs + 61_000 })).toBe('2024-03-01 10:01:01 UTC');
    expect(whenOf({})).toBeUndefined();
  });

  const textsOf = (turns: Partial<Turn>[]) =>
    itemsOf(turns).map((item) => /<p dir="auto">([^<]*)<\/p>/.exec(item)?.[1]);

  test('is in the order of time, though people were given one after the other', () => {
    const ann = [0, 40, 80].map((at) => ({ text: `ann ${at}`, at }));
    const lee = [20, 40, 60].map((at) => ({ text: `lee ${at}`, at }));
    expect(textsOf([...ann, ...lee])).toEqual(['ann 0', 'lee 20', 'ann 40', 'lee 40', 'lee 60', 'ann 80']);
    const spoken = [3000, 1000, 2000].map((ms) => ({ text: `${ms}`, startMs: ms }));
    expect(textsOf(spoken)).toEqual(['1000', '2000', '3000']);
  });

  test('is in the order given where there are no times, and keeps what has none behind what came before', () => {
    expect(textsOf([{ text: 'c' }, { text: 'b' }, { text: 'a' }])).toEqual(['c', 'b', 'a']);
    const mixed = [{ text: 'first' }, { text: 'late', at: 9 }, { text: 'later' }, { text: 'early', at: 1 }];
    expect(textsOf(mixed)).toEqual(['first', 'early', 'late', 'later']);
  });

  test('keeps the lines of a turn', () => {
    expect(pageOf({ transcript: { turns: [{ ...turn, text: 'one\ntwo' }] } })).toContain('<p dir="auto">one\ntwo</p>');
  });

  test('is text and never markup, whoever wrote names, roles or words', () => {
    const hostile = `</p><script>alert(1)</script><img src=x onerror=alert(2)>"'&lt;`;
    const transcript = {
      turns: [
        { ...turn, text: hostile, participant: 0 },
        { ...turn, role: hostile },
        { ...turn, participant: 1 },
      ],
    };
    const details = { contacts: [{ firstName: hostile, lastName: hostile }, { type: hostile }] };
    const page = pageOf({ transcript, details, recording }, `"><script>${hostile}`);
    expect(page).not.toMatch(/<script|<img/);
    const quiet = pageOf({ transcript: { turns: [turn, turn, turn] }, details: { contacts: [{}, {}] }, recording });
    const tags = (html: string) => html.match(/<\/?[a-z0-9]+/g);
    expect(tags(page)).toEqual(tags(quiet));
  });
});
