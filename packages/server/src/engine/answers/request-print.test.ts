import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printOf } from './request-print.ts';

const sha256 = 'ab'.repeat(32);

describe('the print of a request', () => {
  test('is the same in whatever order its fields come', () => {
    const pairs = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { selector: ([name]) => name });
    fc.assert(
      fc.property(pairs, (fields) => {
        const [one, other] = [fields, fields.toReversed()].map((all) =>
          printOf({ of: Object.fromEntries(all) }, sha256),
        );
        expect(one).toEqual(other);
      }),
    );
  });

  test('is another for another body, another recording and none', () => {
    const all = [
      printOf({}, undefined),
      printOf({}, sha256),
      printOf({}, sha256.toUpperCase()),
      printOf({ a: 1 }, undefined),
      printOf({ a: '1' }, undefined),
      printOf([{}], undefined),
      printOf({ body: {}, recording: null }, undefined),
    ];
    expect(new Set(all.map((print) => print.toString('hex'))).size).toBe(all.length);
    expect(all.every((print) => print.length === 32)).toBe(true);
  });
});
