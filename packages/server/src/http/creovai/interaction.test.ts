import { describe, expect, test } from 'vitest';
import type { Turn } from '../../engine/archive/new-call.ts';
import type { ReadCall } from '../../engine/calls/read-call.ts';
import { type Call, noCampaign, untouched } from '../../model/call.ts';
import { toInteraction } from './interaction.ts';

const startMs = Date.parse('2024-03-01T10:00:00Z');
const call: Call = {
  id: 'the-call',
  tenantId: 't',
  kind: 'call',
  source: 'creovai',
  direction: 'inbound',
  status: 'complete',
  startedAt: startMs,
  endedAt: startMs + 150_000,
  durationMs: 150_000,
  createdAt: Date.parse('2024-03-01T11:00:00Z'),
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
  updatedAt: call.createdAt,
};
const turn: Turn = { text: 'Hello', participant: 0, role: null, at: null, startMs: null, endMs: null, extra: {} };

/** What the .NET client's model has at each place that a null, or a number beyond it, would make it throw. */
const numbers = [
  'durationMs',
  'audioDurationMs',
  'internalTalkTimeMs',
  'externalTalkTimeMs',
  'silenceTimeMs',
  'startSilenceTimeMs',
  'endSilenceTimeMs',
  'silencePercent',
  'internalTalkPercent',
  'externalTalkPercent',
];
const lists = [
  'customGroups',
  'classifications',
  'textHits',
  'participants',
  'flows',
  'customTexts',
  'customStrings',
  'customLongs',
  'customDoubles',
  'customDateTimes',
  'evaluatedCustomFields',
  'matchedCustomFields',
];
const nullables = [
  'sessionId',
  'masterId',
  'caseReferenceId',
  'collectionId',
  'language',
  'country',
  'tethrUri',
  'displayName',
  'numberDialed',
  'participantIdentificationConfidence',
  'flowTypeId',
  'transcriptConfidence',
  'transcriptionAbTestName',
];

describe('an interaction of which nothing is left', () => {
  test('still has every key of the model, and null only where the client can take it', () => {
    const seen: Record<string, unknown> = toInteraction(bare);
    for (const name of nullables) expect(seen[name], name).toBeNull();
    for (const name of lists) expect(seen[name], name).toEqual([]);
    for (const name of numbers) expect(seen[name], name).toEqual(expect.any(Number));
    expect(seen).toMatchObject({
      id: 'the-call',
      hadDiarization: false,
      metadata: {},
      direction: 'Inbound',
      interactionType: 'Call',
      utcStart: '2024-03-01T10:00:00.000Z',
      utcEnd: '2024-03-01T10:02:30.000Z',
      lastUpdatedUtc: '2024-03-01T11:00:00.000Z',
    });
    const others = ['id', 'hadDiarization', 'metadata', 'direction', 'interactionType'];
    const dates = ['utcStart', 'utcEnd', 'lastUpdatedUtc'];
    expect(Object.keys(seen).sort()).toEqual([...nullables, ...lists, ...numbers, ...others, ...dates].sort());
  });

  test.each([
    ['a start', { startedAt: null }, '2024-03-01T11:00:00.000Z', '2024-03-01T11:02:30.000Z', 150_000],
    ['a duration', { durationMs: null }, '2024-03-01T10:00:00.000Z', '2024-03-01T10:00:00.000Z', 0],
    ['either', { startedAt: null, durationMs: null }, '2024-03-01T11:00:00.000Z', '2024-03-01T11:00:00.000Z', 0],
  ])('has dates and a duration without %s', (_what, change, utcStart, utcEnd, durationMs) => {
    expect(toInteraction({ ...bare, call: { ...call, ...change } })).toMatchObject({ utcStart, utcEnd, durationMs });
  });

  test('never says a duration that the client cannot hold: a case may last for months', () => {
    const long = { ...call, kind: 'case', durationMs: 90 * 24 * 3_600_000 } as const;
    expect(toInteraction({ ...bare, call: long })).toMatchObject({
      interactionType: 'Case',
      durationMs: 2_147_483_647,
      utcEnd: '2024-05-30T10:00:00.000Z',
    });
  });

  test.each(['unknown', 'inbound', 'outbound', 'internal'] as const)('names its direction: %s', (direction) => {
    const word = toInteraction({ ...bare, call: { ...call, direction } }).direction;
    expect(word.toLowerCase()).toBe(direction);
    expect(word).toMatch(/^[A-Z][a-z]+$/);
  });
});

describe('an interaction as it was archived', () => {
  const details = {
    numberDialed: '+15125550199',
    metadata: { Queue: 'billing', deep: { a: [1] } },
    contacts: [
      { type: 'agent', referenceId: 'a-7', firstName: 'Avery', channel: 1, extra: {} },
      { type: 'Customer', firstName: 'Casey', lastName: 'Doe', channel: 0, phoneNumber: '+1', email: 'c@x' },
      { extra: { anything: 1 } },
    ],
  };
  const correlation = { sessionId: 's', masterCallId: 'm', caseReferenceId: 'c', collectionId: 'k' };
  const seen = toInteraction({ ...bare, details, correlation });

  test('says what its client said, under the names of version 2', () => {
    expect(seen).toMatchObject({
      sessionId: 's',
      masterId: 'm',
      caseReferenceId: 'c',
      collectionId: 'k',
      numberDialed: '+15125550199',
      metadata: { Queue: 'billing', deep: { a: [1] } },
    });
  });

  test('lists its participants in their places, every key written', () => {
    const common = { flowParticipantId: 0, interactionId: 'the-call', segments: [], utterances: [] };
    const unknown = { refType: null, refId: null, contactId: null, phoneNumber: null, email: null };
    expect(seen.participants).toStrictEqual([
      {
        ...unknown,
        ...common,
        participantId: 0,
        refType: 'agent',
        refId: 'a-7',
        contactId: '1',
        firstName: 'Avery',
        lastName: null,
        displayName: 'Avery',
        isInternal: true,
      },
      {
        ...common,
        participantId: 1,
        refType: 'Customer',
        refId: null,
        contactId: '0',
        phoneNumber: '+1',
        email: 'c@x',
        firstName: 'Casey',
        lastName: 'Doe',
        displayName: 'Casey Doe',
        isInternal: false,
      },
      {
        ...unknown,
        ...common,
        participantId: 2,
        firstName: null,
        lastName: null,
        displayName: null,
        isInternal: false,
      },
    ]);
  });

  test('lists more participants than the client has numbers for, the later ones under the last number', () => {
    const contacts = Array.from({ length: 300 }, () => ({ type: 'Customer' }));
    const ids = toInteraction({ ...bare, details: { contacts } }).participants.map((one) => one.participantId);
    expect(ids).toEqual(Array.from({ length: 300 }, (_, place) => Math.min(place, 255)));
  });

  test.each([null, 'text', 7, ['list']])('has an object for metadata even if there is none stored: %j', (metadata) => {
    expect(toInteraction({ ...bare, details: { metadata } }).metadata).toEqual({});
  });
});

describe('what was said', () => {
  const said = (...turns: Partial<Turn>[]) =>
    toInteraction({
      ...bare,
      details: { contacts: [{}, {}] },
      transcript: { turns: turns.map((one) => ({ ...turn, ...one })) },
    }).participants.map((one) => one.utterances);

  test('goes to who said it, in the order given', () => {
    const [first, second] = said({ text: 'a' }, { text: 'b', participant: 1 }, { text: 'c' });
    expect(first?.map(({ text }) => text)).toEqual(['a', 'c']);
    expect(second?.map(({ text }) => text)).toEqual(['b']);
  });

  test('by nobody whom the call names is in no list of theirs', () => {
    expect(said({ participant: null }, { participant: 2 })).toEqual([[], []]);
  });

  test('in writing has its time, and its distance from the start', () => {
    expect(said({ at: startMs + 5000 })[0]).toEqual([
      {
        startMs: 5000,
        endMs: 5000,
        utcStart: '2024-03-01T10:00:05.000Z',
        utcEnd: '2024-03-01T10:00:05.000Z',
        words: [],
        text: 'Hello',
      },
    ]);
  });

  test('before the start has its own time and no distance', () => {
    const [before] = said({ at: startMs - 24 * 3_600_000 })[0] ?? [];
    expect(before).toMatchObject({ startMs: 0, endMs: 0, utcStart: '2024-02-29T10:00:00.000Z' });
  });

  test('aloud has its place in the recording, and the time of that place', () => {
    expect(said({ startMs: 1500, endMs: 3000 })[0]).toMatchObject([
      { startMs: 1500, endMs: 3000, utcStart: '2024-03-01T10:00:01.500Z', utcEnd: '2024-03-01T10:00:03.000Z' },
    ]);
  });

  test('never ends before it began, and counts in whole milliseconds', () => {
    expect(said({ startMs: 1500.4, endMs: 3.2 })[0]).toMatchObject([{ startMs: 1500, endMs: 1500 }]);
    expect(said({})[0]).toMatchObject([{ startMs: 0, endMs: 0, utcStart: '2024-03-01T10:00:00.000Z' }]);
  });
});
