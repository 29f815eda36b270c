import { describe, expect, test } from 'vitest';
import { uploadErased } from './session-refusals.ts';

describe('an upload that was erased', () => {
  test.each([
    ['a session', [{ kind: 'session', value: 's' } as const], /^This session was erased and its id cannot be used/],
    ['no session', [{ kind: 'external', value: 'x' } as const], /^This was erased/],
  ])('hears of its session only where it has one: %s', (_what, identifiers, said) => {
    expect(uploadErased({ identifiers })).toMatchObject({ code: 'call_erased', message: expect.stringMatching(said) });
  });

  test('that has not said what it is hears what every client knew', () => {
    expect(uploadErased(undefined).message).toMatch(/^This session was erased/);
  });
});
