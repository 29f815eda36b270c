import { expect } from 'vitest';

/** A whole answer to somebody without credentials. */
export type GuestAnswer = { status: number; headers: Headers; bytes: Buffer; text: string };

/** Asks as a browser does that has nothing but an address. */
export async function visit(url: string, init: RequestInit = {}): Promise<GuestAnswer> {
  const answer = await fetch(url, { redirect: 'error', ...init });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString('utf8') };
}

/** Everything under `/share` says so: nothing runs, nobody keeps it, nobody finds it, nobody is told its address. */
export function expectGuarded({ headers }: Pick<GuestAnswer, 'headers'>): void {
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; media-src 'self'; style-src 'sha256-/);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-robots-tag')).toBe('noindex, nofollow');
  expect(headers.get('set-cookie')).toBeNull();
}

/** The one answer to every link that opens nothing. */
export function expectDead(answer: GuestAnswer): void {
  expect(answer.status, answer.text).toBe(404);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expectGuarded(answer);
  expect(answer.text).toContain('<h1>This link is no longer valid</h1>');
}
