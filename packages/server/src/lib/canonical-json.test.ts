import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

describe('canonical JSON', () => {
  test('sorts names by their code units at every depth, those that look like numbers too', () => {
    expect(canonicalJson({ b: [{ y: 1, x: 2 }], a: null, '10': 1, '9': 2, '\u20ac': 'x', '\r': 'y' })).toBe(
      '{"\\r":"y","10":1,"9":2,"a":null,"b":[{"x":2,"y":1}],"\u20ac":"x"}',
    );
  });

  test('writes numbers and strings as the example of RFC 8785, section 3.2.2, does', () => {
    const given = {
      numbers: [JSON.parse('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(given)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('says the same value, and the same text however its members were ordered', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test('leaves out what is undefined', () => expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}'));
});
