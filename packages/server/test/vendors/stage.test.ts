import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Exchange, RecordedResponse } from './recording.ts';
import { replay, type Stage, startStage } from './stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(async () => await stage.close());

const whole: Exchange = {
  about: 'A session that nobody knows, and one that is archived',
  source: 'ours',
  covers: [],
  given: { calls: [{ sessionId: 'S', phoneNumber: '+15125551234' }] },
  request: {
    line: 'POST /callCapture/v1/status',
    headers: ['Authorization: Bearer {{token}}'],
    json: { callSessionIds: ['X', 'S'] },
  },
  response: {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', location: null },
    json: {
      callSessions: [
        { status: 'NotFound', sessionId: 'X' },
        { status: 'Complete', callId: '{{call:S}}', sessionId: 'S', durationSec: 150 },
      ],
    },
  },
};

function answered(change: Partial<RecordedResponse>): Exchange {
  return { ...whole, response: { ...whole.response, ...change } };
}

const unknown = { status: 'NotFound', sessionId: 'X' };
const known = { status: 'Complete', callId: '{{call:S}}', sessionId: 'S', durationSec: 150 };

describe('the replay of a recording', () => {
  test('passes when every answer is the recorded one', async () => {
    const [answer] = await replay(stage, whole);
    expect(answer?.status).toBe(200);
  });

  test.each<[string, Exchange]>([
    ['another status', answered({ status: 201 })],
    ['an interim answer that does not come', answered({ interim: [100] })],
    ['another header', answered({ headers: { 'content-type': 'application/json' } })],
    ['a header that does not come', answered({ headers: { location: '{{any}}' } })],
    ['a header that should not come', answered({ headers: { 'content-type': null } })],
    ['a key with null that does not come', answered({ json: { callSessions: [{ ...unknown, callId: null }, known] } })],
    ['another order', answered({ json: { callSessions: [known, unknown] } })],
    ['one item fewer', answered({ json: { callSessions: [known] } })],
    ['a number as text', answered({ json: { callSessions: [unknown, { ...known, durationSec: '150' }] } })],
    ['nothing at all', answered({ json: undefined, body: '' })],
    [
      'something else in what follows',
      { ...whole, after: [{ ...whole, response: { ...whole.response, status: 404 } }] },
    ],
  ])('fails for %s', async (_name, exchange) => {
    await expect(replay(stage, exchange)).rejects.toThrow();
  });
});
