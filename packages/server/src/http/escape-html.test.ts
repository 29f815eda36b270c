import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHtml } from './escape-html.ts';

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
