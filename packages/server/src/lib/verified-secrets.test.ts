import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VerifiedSecrets } from './verified-secrets.ts';

function fakeClock(start = 1_000_000) {
  let time = start;
  return {
    now: () => time,
    advance(ms: number) {
      time += ms;
    },
  };
}

function setUp(options: { ttlMs?: number; max?: number } = {}) {
  const clock = fakeClock();
  return { clock, secrets: new VerifiedSecrets({ clock, ...options }) };
}

describe('VerifiedSecrets', () => {
  test('a secret is remembered after its verification and not before', () => {
    const { secrets } = setUp();
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(false);
    secrets.remember('ci_a', 'right', 1);
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(true);
  });

  test('ten minutes after its verification a secret is forgotten, however often it was used', () => {
    const { clock, secrets } = setUp();
    secrets.remember('ci_a', 'right', 1);
    for (let minute = 0; minute < 9; minute++) {
      clock.advance(60_000);
      expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(true);
    }
    clock.advance(59_999);
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(true);
    clock.advance(1);
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(false);
  });

  test('a clock that is set back remembers nothing from its future', () => {
    const { clock, secrets } = setUp();
    secrets.remember('ci_a', 'right', 1);
    clock.advance(-1);
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(false);
  });

  test('a rotated secret is dead at once, whichever process rotated it', () => {
    const { secrets } = setUp();
    secrets.remember('ci_a', 'right', 1);
    expect(secrets.isRemembered('ci_a', 'right', 2)).toBe(false);
  });

  test('a verification that lost the race against a rotation does not revive the old secret', () => {
    const { secrets } = setUp();
    secrets.remember('ci_a', 'new', 2);
    secrets.remember('ci_a', 'old', 1);
    expect(secrets.isRemembered('ci_a', 'old', 2)).toBe(false);
  });

  test('wrong guesses do not throw the right client out', () => {
    const { secrets } = setUp();
    secrets.remember('ci_a', 'right', 1);
    for (let i = 0; i < 100; i++) expect(secrets.isRemembered('ci_a', `guess ${i}`, 1)).toBe(false);
    expect(secrets.isRemembered('ci_a', 'right', 0)).toBe(false);
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(true);
  });

  test('forget forgets this client and no other', () => {
    const { secrets } = setUp();
    secrets.remember('ci_a', 'right', 1);
    secrets.remember('ci_b', 'right', 1);
    secrets.forget('ci_a');
    secrets.forget('ci_unknown');
    expect(secrets.isRemembered('ci_a', 'right', 1)).toBe(false);
    expect(secrets.isRemembered('ci_b', 'right', 1)).toBe(true);
  });

  test('memory is bounded: the one verified longest ago makes room', () => {
    const { secrets } = setUp({ max: 3 });
    for (const id of ['a', 'b', 'c']) secrets.remember(id, 'right', 1);
    secrets.remember('a', 'right', 1);
    secrets.remember('d', 'right', 1);
    const remembered = ['a', 'b', 'c', 'd'].filter((id) => secrets.isRemembered(id, 'right', 1));
    expect(remembered).toEqual(['a', 'c', 'd']);
  });

  test('neither the secret nor an unkeyed digest of it can be printed', () => {
    const { secrets } = setUp();
    secrets.remember('ci_a', 'very secret', 1);
    expect(inspect(secrets, { depth: 9, showHidden: true })).not.toContain('very secret');
    expect(JSON.stringify(secrets)).toBe('{}');
  });

  test('only the exact id, secret and version are remembered, wherever the boundaries between them lie', () => {
    const secret = fc.string({ unit: fc.constantFrom('1', '2', ':'), maxLength: 3 });
    const login = fc.tuple(fc.constantFrom('1', '1:', '12'), secret, fc.integer({ min: 0, max: 22 }));
    fc.assert(
      fc.property(login, login, (known, asked) => {
        const { secrets } = setUp();
        secrets.remember(...known);
        expect(secrets.isRemembered(...asked)).toBe(known.every((value, i) => value === asked[i]));
      }),
      { numRuns: 5_000 },
    );
  });

  test('an answer costs far less than a millisecond', () => {
    const { secrets } = setUp();
    secrets.remember('ci_a', 'right', 1);
    const start = performance.now();
    for (let i = 0; i < 1_000; i++) secrets.isRemembered('ci_a', 'right', 1);
    expect((performance.now() - start) / 1_000).toBeLessThan(0.2);
  });
});
