import { describe, expect, test } from 'vitest';
import { parseShareRequest } from './share-request.ts';

const email = 'guest@example.com';

describe('a share request', () => {
  test.each([
    ['interactionId', { email, interactionId: 'x' }],
    ['callId', { Email: email, CallId: 'x' }],
    ['callId', { callID: 'x', email, other: 1 }],
  ])('names its call by %s, in any case', (idName, body) => {
    expect(parseShareRequest(body, idName)).toBe('x');
  });

  test.each([
    [{ email }, 'callId is required'],
    [{ email, callId: null }, 'callId is required'],
    [{ email, callId: '' }, 'callId is required'],
    [{ email, callId: 7 }, 'callId must be a string'],
    [{ callId: 'x' }, 'email is required and must be an e-mail address'],
    [{ callId: 'x', email: 'nobody' }, 'email is required and must be an e-mail address'],
    [{ callId: 'x', email: [email] }, 'email must be a string'],
    [[], 'The body must be a JSON object'],
    [undefined, 'The body must be a JSON object'],
  ])('%j is refused in words that name the field and quote nothing', (body, message) => {
    expect(() => parseShareRequest(body, 'callId')).toThrow(
      expect.objectContaining({ code: 'input_invalid', message }),
    );
  });
});
