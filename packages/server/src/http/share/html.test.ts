import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHtml, guestHeaders, htmlPage } from './html.ts';

/** As a browser reads it: the five escapes, and nothing that would begin a tag or end an attribute. */
function unescaped(html: string): string {
  expect(html).not.toMatch(/[<>"']/);
  const named = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
  return html.replace(/&(?:lt|gt|quot|#39|amp);/g, (name) => named[name as keyof typeof named]);
}

describe('escaped text', () => {
  test('means what it meant, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.oneof(fc.constantFrom(...`&<>"';#`, '&lt;', '&amp;'), fc.string()) }),
        (text) => {
          expect(unescaped(escapeHtml(text))).toBe(text);
        },
      ),
    );
  });
});

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
