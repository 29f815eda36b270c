import { describe, expect, test } from 'vitest';
import { newClientId, newPassword, newSecret } from './secret-text.ts';

describe.each([
  ['newSecret', newSecret, 'tacet_cs_'],
  ['newPassword', newPassword, 'tacet_pw_'],
])('%s', (_name, make, prefix) => {
  test('carries 256 bits behind a prefix that a scanner can find', () => {
    const secret = make();
    expect(secret.startsWith(prefix)).toBe(true);
    expect(secret.slice(prefix.length)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(secret.slice(prefix.length), 'base64url')).toHaveLength(32);
  });

  test('survives form encoding unchanged, even when a client forgets to escape it', () => {
    const secret = make();
    expect(new URLSearchParams({ secret }).toString()).toBe(`secret=${secret}`);
  });

  test('never repeats', () => {
    expect(new Set(Array.from({ length: 1_000 }, make)).size).toBe(1_000);
  });
});

describe('newClientId', () => {
  test('is ci_ and 24 lower-case letters and digits', () => {
    for (let i = 0; i < 1_000; i++) expect(newClientId()).toMatch(/^ci_[0-9a-z]{24}$/);
  });

  test('never repeats', () => {
    expect(new Set(Array.from({ length: 1_000 }, newClientId)).size).toBe(1_000);
  });

  test('uses the whole alphabet, evenly', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      for (const character of newClientId().slice(3)) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    // 72,000 draws, 2,000 expected of each; 300 is about seven standard deviations.
    expect(counts.size).toBe(36);
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(300);
  });
});
