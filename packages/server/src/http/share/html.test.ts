import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { guestHeaders, htmlPage } from './html.ts';

describe('a page', () => {
  test('carries its title and its style, and the policy allows exactly that style', () => {
    const page = htmlPage('<T>', '<p>b</p>');
    expect(page).toContain('<title>&lt;T&gt;</title>');
    expect(page).toContain('<h1>&lt;T&gt;</h1>');
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(guestHeaders['content-security-policy']).toContain(`style-src 'sha256-${hash}';`);
  });

  test('may run nothing, load nothing but a recording, and be framed by nobody', () => {
    const policy = guestHeaders['content-security-policy']?.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "media-src 'self'",
      expect.stringMatching(/^style-src 'sha256-[A-Za-z0-9+/]{43}='$/),
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(htmlPage('t', '')).not.toMatch(/<script|\s(?:style|on[a-z]+)=/i);
  });
});
