import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bug } from '../../model/errors.ts';
import { restOfPath } from './rest-of-path.ts';

const prefixes = ['/callCapture/v1/status', '/capture/v2/status', '/capture/v2/status/exclude'];

/** An id that UTF-8 can carry, of the characters that paths are made of more often than chance would have it. */
const wellFormed = fc.string({ unit: fc.oneof(fc.constantFrom(...'/?#%&+;. '), fc.string({ unit: 'grapheme' })) });

/** What may stand in a request target: no space, no control character, nothing beyond ASCII. */
const visible = fc
  .integer({ min: 0x21, max: 0x7e })
  .map((code) => String.fromCharCode(code))
  .filter((character) => character !== '%');

/** The prefix as a sloppy client writes it: letters in any case, some percent-encoded, slashes repeated. */
const written = fc.constantFrom(...prefixes).chain((prefix) =>
  fc
    .tuple(
      fc.constantFrom('', 'http://archive.example', 'https://a.example:8443', 'HTTP://[::1]:80'),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.boolean()), { minLength: 99, maxLength: 99 }),
    )
    .map(([origin, choices]) => {
      const characters = [...prefix].map((character, i) => {
        const [slashes = 1, isUpper = false, isEncoded = false] = choices[i] ?? [];
        if (character === '/') return '/'.repeat(slashes);
        const cased = isUpper ? character.toUpperCase() : character;
        return isEncoded ? `%${cased.charCodeAt(0).toString(16)}` : cased;
      });
      return { prefix, path: `${origin}${characters.join('')}` };
    }),
);

describe('the rest of a path', () => {
  test('is any id that a client has percent-encoded, character for character', () => {
    fc.assert(
      fc.property(written, wellFormed, ({ prefix, path }, id) => {
        expect(restOfPath(`${path}/${encodeURIComponent(id)}`, prefix)).toBe(id);
      }),
    );
  });

  test('is any id without a percent sign that a client has not encoded at all', () => {
    fc.assert(
      fc.property(written, fc.string({ unit: visible }), ({ prefix, path }, id) => {
        expect(restOfPath(`${path}/${id}`, prefix)).toBe(id);
      }),
    );
  });

  test('is decoded once, never twice', () => {
    fc.assert(
      fc.property(written, wellFormed, ({ prefix, path }, id) => {
        const encoded = encodeURIComponent(id);
        expect(restOfPath(`${path}/${encodeURIComponent(encoded)}`, prefix)).toBe(encoded);
      }),
    );
  });

  test.each(['100%', '%', '%2', '%zz', '%ff', 'a%C3', 'a%20b?100%', '%ED%A0%80'])(
    'is %s as it stands, since that decodes to nothing',
    (id) => {
      for (const prefix of prefixes) expect(restOfPath(`${prefix}/${id}`, prefix)).toBe(id);
    },
  );

  test.each([
    ['/callCapture/v1/status/a', 'a'],
    ['//CALLCAPTURE//v1///status/a', 'a'],
    ['/callCapture/v1/status/a/', 'a/'],
    ['/callCapture/v1/status//a', '/a'],
    ['/callCapture/v1/status/a//b', 'a//b'],
    ['/callCapture/v1/status/callCapture/v1/status/a', 'callCapture/v1/status/a'],
    ['/callCapture/v1/status/http://x/y', 'http://x/y'],
    ['/callCapture/v1/status/a?b=1&c#d', 'a?b=1&c#d'],
    ['/callCapture/v1/status/?a', '?a'],
    ['/callCapture/v1/status/a+b', 'a+b'],
    ['/callCapture/v1/status/a%2Fb%3fc%25', 'a/b?c%'],
    ['/callCapture/v1/status/gr%C3%B6%C3%9Fe', 'gr\u00f6\u00dfe'],
    ['/callCapture/v1/status/', ''],
    ['http://archive.example/callCapture/v1/status/a', 'a'],
  ])('of %s is %s', (target, id) => {
    expect(restOfPath(target, '/callCapture/v1/status')).toBe(id);
  });

  test('of a target that the route does not match is a defect of ours, told without the target', () => {
    for (const target of ['', '/', '*', '/secret', '/capture/v2/status', '/capture/v2/status?/secret', 'secret']) {
      expect(() => restOfPath(target, '/capture/v2/status')).toThrow(Bug);
      expect(() => restOfPath(target, '/capture/v2/status')).not.toThrow(/secret/);
    }
  });
});
