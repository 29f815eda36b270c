import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emailValue, parseRegion, phoneValues, understandPhone } from './phone.ts';

describe('a phone number', () => {
  it.each(['+15125551234', '(512) 555-1234', '512.555.1234', '1-512-555-1234', '512 555 1234', '+1 (512) 555-1234'])(
    'is found by its E.164 form however it is written: %s',
    (written) => {
      expect(phoneValues(written, 'US')).toContain('+15125551234');
    },
  );

  it('is read in the region of its tenant', () => {
    expect(understandPhone('020 7946 0018', 'GB')?.e164).toBe('+442079460018');
    expect(understandPhone('8 (495) 123-45-67', 'RU')?.e164).toBe('+74951234567');
  });

  it('that no country has keeps its digits and is not turned into another number', () => {
    expect(understandPhone('1001', 'US')).toEqual({ digits: '1001', e164: undefined });
  });

  it('in other scripts has the same digits', () => {
    expect(understandPhone('٥١٢٥٥٥١٢٣٤', 'US')?.digits).toBe('5125551234');
    expect(understandPhone('５１２５５５１２３４', 'US')?.digits).toBe('5125551234');
  });

  it.each(['', 'anonymous', '+', '() -'])('needs a digit: "%s" has none', (text) => {
    expect(understandPhone(text, 'US')).toBeUndefined();
    expect(phoneValues(text, 'US')).toEqual([]);
  });

  it('always gives its digits as its first value, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const values = phoneValues(text, 'US');
        expect(values.every((value) => /^\+?[0-9]+$/.test(value))).toBe(true);
        expect(values.length).toBeLessThanOrEqual(2);
        if (/[0-9]/.test(text)) expect(values[0]).toMatch(/^[0-9]+$/);
      }),
    );
  });
});

describe('a region', () => {
  it('is a two-letter country in any case', () => {
    expect(parseRegion('us')).toBe('US');
    expect(() => parseRegion('USA')).toThrow('two-letter');
  });
});

describe('an e-mail address', () => {
  it('is compared trimmed and in lower case', () => {
    expect(emailValue('  Ann@Example.COM ')).toBe('ann@example.com');
    expect(emailValue('   ')).toBeUndefined();
  });
});
