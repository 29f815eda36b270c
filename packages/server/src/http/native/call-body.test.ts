import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callArtifactKinds } from '../../model/call.ts';
import { hasCode } from '../../model/errors.ts';
import { readCallBody } from './call-body.ts';
import { CallBody } from './call-schema.ts';

const startedAt = '2026-01-02T03:04:05Z';
const startMs = Date.parse(startedAt);
const nobody = { role: null, phone: null, email: null, name: null };

function complaintOf(body: unknown): string {
  try {
    readCallBody(body);
  } catch (error) {
    if (hasCode(error, 'input_invalid')) return error.message;
    throw error;
  }
  return 'taken';
}

describe('a call that brings more than may be sealed of it', () => {
  const filling = (bytes: number) => ({ filling: 'x'.repeat(bytes) });
  const mib = 1024 * 1024;

  test.each([
    ['details', { variables: filling(3 * mib), results: filling(2 * mib) }],
    ['correlation', { callbackData: filling(mib / 4) }],
    ['transcript', { transcript: [{ text: 'x'.repeat(16 * mib) }] }],
  ])('is told that the %s are too large', (kind, fields) => {
    expect(complaintOf({ startedAt, ...fields })).toContain(`the ${kind} of the call`);
  });

  test('is taken up to there', () => {
    const details = { variables: filling(2 * mib), results: filling(1.9 * mib) };
    expect(complaintOf({ startedAt, ...details, callbackData: filling(250 * 1024) })).toBe('taken');
  });
});

describe('a call', () => {
  test('needs to say nothing but when it started', () => {
    const details = { variables: null, results: null, dialogResult: null, nps: null, redirect: null, logLink: null };
    const line = { callbackData: null, ownNumber: null, shortNumber: null, botName: null, responder: null };
    const rest = { transferredToOperator: null, price: null, regionId: null, timezone: null };
    expect(readCallBody({ startedAt })).toEqual({
      kind: 'call',
      direction: 'unknown',
      dialStatus: null,
      startedAt: startMs,
      endedAt: null,
      durationMs: null,
      candidateId: null,
      taskId: null,
      botId: null,
      details: { participants: [], ...details, metadata: null },
      correlation: { sessionId: null, externalId: null, ...line, ...rest },
      transcript: null,
    });
  });

  test('keeps what is said of it as it was said', () => {
    const details = {
      variables: { имя: 'Анна', deep: [null, { a: 1 }] },
      results: ['any', 1],
      dialogResult: 'agreed',
      nps: 9.5,
      redirect: { to: 'x' },
      logLink: 'https://log.example/1',
      metadata: { a: null },
    };
    const correlation = {
      sessionId: 's',
      externalId: 'e',
      callbackData: 'opaque',
      ownNumber: '+15125550100',
      shortNumber: '100',
      botName: 'Bot',
      responder: 'human',
      transferredToOperator: false,
      price: 0.25,
      regionId: 77,
      timezone: 25_200,
    };
    const read = readCallBody({
      startedAt,
      kind: 'chat',
      direction: 'inbound',
      status: 'ANSWERED',
      ...details,
      ...correlation,
    });
    expect(read).toMatchObject({ kind: 'chat', direction: 'inbound', dialStatus: 'ANSWERED', details, correlation });
  });

  test('of which a field is null is one that does not say it, but within its maps', () => {
    const nulls = Object.fromEntries(Object.keys(CallBody.properties).map((name) => [name, null]));
    expect(readCallBody({ ...nulls, startedAt })).toEqual(readCallBody({ startedAt }));
    const people = [{ role: 'agent', phone: null, email: null, name: null }, {}];
    const said = readCallBody({
      startedAt,
      participants: people,
      transcript: [{ text: 'x', role: null, startMs: null }],
    });
    expect(said.details.participants).toEqual([{ ...nobody, role: 'agent' }, nobody]);
    expect(readCallBody({ startedAt, variables: { a: null } }).details.variables).toEqual({ a: null });
  });

  test('may say an empty map as PHP does', () => {
    const read = readCallBody({ startedAt, variables: [], redirect: [], metadata: [], callbackData: [] });
    expect(read.details).toMatchObject({ variables: {}, redirect: {}, metadata: {} });
    expect(read.correlation.callbackData).toEqual({});
    expect(complaintOf({ startedAt, variables: ['5551234'] })).toBe('variables must be a JSON object');
  });

  test('that says when it ended has a duration, unless it says another', () => {
    const endedAt = '2026-01-02T06:04:15+03:00';
    expect(readCallBody({ startedAt, endedAt })).toMatchObject({ endedAt: startMs + 10_000, durationMs: 10_000 });
    expect(readCallBody({ startedAt, endedAt, durationMs: 7 })).toMatchObject({
      endedAt: startMs + 10_000,
      durationMs: 7,
    });
    expect(readCallBody({ startedAt, durationMs: 7 })).toMatchObject({ endedAt: null, durationMs: 7 });
    expect(readCallBody({ startedAt, endedAt: startedAt })).toMatchObject({ durationMs: 0 });
  });

  test('has turns with a role and no participant; none at all is no transcript', () => {
    const transcript = [{ role: 'bot', text: '', startMs: 0.5, endMs: 9 }, { text: 'yes' }];
    const turn = { participant: null, role: null, at: null, startMs: null, endMs: null, extra: {} };
    expect(readCallBody({ startedAt, transcript }).transcript).toEqual({
      turns: [
        { ...turn, text: '', role: 'bot', startMs: 0.5, endMs: 9 },
        { ...turn, text: 'yes' },
      ],
    });
    expect(readCallBody({ startedAt, transcript: [] }).transcript).toBeNull();
  });

  test('knows its bot by a UUID of any kind, in small letters', () => {
    const botId = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11';
    expect(readCallBody({ startedAt, botId }).botId).toBe(botId.toLowerCase());
  });
});

describe('a call is refused', () => {
  test.each([
    [undefined, 'The call must be a JSON object'],
    [[], 'The call must be a JSON object'],
    [{}, 'startedAt is required'],
    [{ startedAt: null }, 'startedAt is required'],
    [{ startedAt: 1_767_323_045_000 }, 'startedAt must be a string'],
    [
      { startedAt: '2026-01-02' },
      'startedAt must be an ISO 8601 date and time with Z or an offset, such as 2026-01-02T03:04:05Z',
    ],
    [
      { startedAt, endedAt: '5551234' },
      'endedAt must be an ISO 8601 date and time with Z or an offset, such as 2026-01-02T03:04:05Z',
    ],
    [{ startedAt, endedAt: '2026-01-02T03:04:04.999Z' }, 'endedAt must not be before startedAt'],
    [
      {
        startedAt,
        transcript: [
          { text: 'a', startMs: 7, endMs: 7 },
          { text: 'b', startMs: 9, endMs: 8.5 },
        ],
      },
      'transcript[1].endMs must not be before startMs',
    ],
    [{ startedAt, durationMs: 1.5 }, 'durationMs must be a whole number'],
    [{ startedAt, durationMs: '7' }, 'durationMs must be a whole number'],
    [{ startedAt, durationMs: -1 }, 'durationMs must be at least 0'],
    [{ startedAt, kind: 'Call' }, 'kind must be one of call, chat, case'],
    [{ startedAt, sessionId: '' }, 'sessionId must have at least 1 character'],
    [{ startedAt, sessionId: 'x'.repeat(513) }, 'sessionId must have at most 512 characters'],
    [{ startedAt, sessionId: 'a\0' }, 'sessionId must not hold NUL or lone surrogates'],
    [{ startedAt, externalId: '\ud800' }, 'externalId must not hold NUL or lone surrogates'],
    [{ startedAt, externalId: 5551234 }, 'externalId must be a string'],
    [{ startedAt, botId: '5551234' }, 'botId must be a UUID'],
    [{ startedAt, participants: [{}, { phone: 5551234 }] }, 'participants[1].phone must be a string'],
    [{ startedAt, participants: [{ phone: '5'.repeat(65) }] }, 'participants[0].phone must have at most 64 characters'],
    [
      { startedAt, participants: [{}, { email: 'a\0b' }] },
      'participants[1].email must not hold NUL or lone surrogates',
    ],
    [{ startedAt, participants: Array(1001).fill({}) }, 'participants must have at most 1000 entries'],
    [
      { startedAt, participants: [{ phoneNumber: '5551234' }] },
      'participants[0] has a field that is not known; known are role, phone, email, name',
    ],
    [{ startedAt, transcript: [{ role: 'bot' }] }, 'transcript[0].text is required'],
    [{ startedAt, transcript: Array(10_001).fill({ text: '' }) }, 'transcript must have at most 10000 entries'],
    [{ startedAt, transferredToOperator: 0 }, 'transferredToOperator must be true or false'],
    [{ startedAt, price: '0.1' }, 'price must be a number'],
    [{ startedAt, timezone: 25_200_000 }, 'timezone must be at most 86400'],
    [{ startedAt, metadata: 'x' }, 'metadata must be a JSON object'],
  ])('for %j', (body, message) => {
    expect(complaintOf(body)).toBe(message);
  });

  test('for a field in another case, or of another name, in words that list the right ones', () => {
    for (const name of ['SessionId', 'session_id', '5551234', '__proto__']) {
      const body = JSON.parse(`{"startedAt":"${startedAt}","${name}":1}`);
      const known = Object.keys(CallBody.properties).join(', ');
      expect(complaintOf(body)).toBe(`The call has a field that is not known; known are ${known}`);
    }
  });

  test('for a status outside the list, which is told', () => {
    expect(complaintOf({ startedAt, status: 'answered' })).toMatch(/^status must be one of SCHEDULED, .*, REJECTED$/);
  });

  test('in no other way than as input_invalid, and without quoting it, whatever it is', () => {
    const name = fc.constantFrom(...Object.keys(CallBody.properties), ...callArtifactKinds, '__proto__', 'constructor');
    const leaf = fc.oneof(fc.constantFrom(startedAt, 'MARK5551234', 1, null, [], {}), fc.anything({ maxDepth: 1 }));
    const entry = fc.dictionary(fc.constantFrom('role', 'text', 'phone', 'MARK5551234'), leaf, { maxKeys: 3 });
    const field = fc.oneof(leaf, fc.array(entry, { maxLength: 3 }), entry);
    const nearly = fc.dictionary(name, field, { maxKeys: 5 }).map((fields) => ({ startedAt, ...fields }));
    const outcomes = new Set<boolean>();
    fc.assert(
      fc.property(fc.oneof(nearly, fc.anything()), (body) => {
        const complaint = complaintOf(body);
        outcomes.add(complaint === 'taken');
        return !complaint.includes('5551234');
      }),
      { numRuns: 2000 },
    );
    expect(outcomes).toEqual(new Set([true, false]));
  });
});
