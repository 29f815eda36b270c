import { describe, expect, test } from 'vitest';
import { CallBody, CallChangeBody } from './call-schema.ts';
import { readChangeBody } from './change-body.ts';

describe('what is said later of a call', () => {
  test('is only what is said', () => {
    expect(readChangeBody({})).toEqual({});
    expect(readChangeBody({ results: { ok: false } })).toEqual({ details: { results: { ok: false } } });
    expect(readChangeBody({ price: 0 })).toEqual({ correlation: { price: 0 } });
    expect(readChangeBody({ transcript: [{ text: 'x' }] })).toMatchObject({ transcript: { turns: [{ text: 'x' }] } });
    const row = { status: 'ANSWERED', endedAt: '2026-01-02T03:04:05Z', durationMs: 0 };
    expect(readChangeBody(row)).toEqual({
      dialStatus: 'ANSWERED',
      endedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      durationMs: 0,
    });
  });

  test('clears nothing: a null, and a transcript without a turn, say nothing', () => {
    const nulls = Object.fromEntries(Object.keys(CallChangeBody.properties).map((name) => [name, null]));
    expect(readChangeBody({ ...nulls, transcript: [] })).toEqual({});
  });

  test('may say an empty map as PHP does', () => {
    expect(readChangeBody({ variables: [], callbackData: [] })).toEqual({
      details: { variables: {} },
      correlation: { callbackData: {} },
    });
  });

  test('is never by what a call is found, whose it is, or when it began', () => {
    const late = new Set(Object.keys(CallChangeBody.properties));
    const once = Object.keys(CallBody.properties).filter((name) => !late.has(name));
    expect(once).toEqual([
      ...[
        'kind',
        'direction',
        'startedAt',
        'sessionId',
        'externalId',
        'candidateId',
        'taskId',
        'botId',
        'participants',
      ],
    ]);
    for (const name of once)
      expect(() => readChangeBody({ [name]: 'x' })).toThrow(/^The body has a field that is not known/);
  });

  test.each([
    [[], 'The body must be a JSON object'],
    [{ status: 'gone' }, /^status must be one of/],
    [{ endedAt: 'soon' }, /^endedAt must be an ISO 8601/],
    [{ nps: '9' }, 'nps must be a number'],
  ])('is refused: %j', (body, message) => {
    expect(() => readChangeBody(body)).toThrow(message);
  });
});
