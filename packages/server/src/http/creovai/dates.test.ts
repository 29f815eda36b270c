import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDate } from './dates.ts';

const date = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
});
const pad = (value: number) => String(value).padStart(2, '0');

describe('parseDate', () => {
  test.each([
    ['2018-10-15T09:00:00Z', '2018-10-15T09:00:00.000Z'],
    ['2018/10/15T09:00:00.000Z', '2018-10-15T09:00:00.000Z'],
    ['2018-10-15T09:00:00.1234567Z', '2018-10-15T09:00:00.123Z'],
    ['2018-10-15T09:00:00.9999999+00:00', '2018-10-15T09:00:00.999Z'],
    ['2018-10-15T09:00:00.5', '2018-10-15T09:00:00.500Z'],
    ['2018-10-15T09:00:00', '2018-10-15T09:00:00.000Z'],
    ['2018-10-15T09:00:00-05:30', '2018-10-15T14:30:00.000Z'],
    ['2018/12/31T23:59:59.99-00:01', '2019-01-01T00:00:59.990Z'],
    ['2018-01-01T00:00:00+14:00', '2017-12-31T10:00:00.000Z'],
    ['2020-02-29T00:00:00z', '2020-02-29T00:00:00.000Z'],
    ['2020-02-29t00:00:00', '2020-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.9999999', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseDate(text)).toBe(Date.parse(iso));
  });

  test.each([
    '',
    '2018-10-15',
    '2018-10-15T09:00Z',
    '2018-10-15 09:00:00Z',
    '2018-10/15T09:00:00Z',
    '2018-10-15T09:00:00.Z',
    '2018-10-15T09:00:00.12345678Z',
    '2018-10-15T09:00:00,5Z',
    '2018-10-15T09:00:00+0000',
    '2018-10-15T09:00:00+24:00',
    '2018-10-15T09:00:00+01:60',
    '2018-10-15T09:00:00Z+01:00',
    '2018-13-01T00:00:00Z',
    '2018-00-01T00:00:00Z',
    '2018-01-00T00:00:00Z',
    '2018-02-29T00:00:00Z',
    '2018-04-31T00:00:00Z',
    '2018-10-15T24:00:00Z',
    '2018-10-15T09:60:00Z',
    '2018-10-15T09:00:60Z',
    '18-10-15T09:00:00Z',
    '+002018-10-15T09:00:00Z',
    ' 2018-10-15T09:00:00Z',
    '2018-10-15T09:00:00Z\n',
    '1539594000000',
    '\u0662018-10-15T09:00:00Z',
  ])('%j is no time', (text) => {
    expect(parseDate(text)).toBeUndefined();
  });

  test('every moment comes back from every way of writing it', () => {
    const offset = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(
        date,
        offset,
        fc.constantFrom('-', '/'),
        fc.integer({ min: 0, max: 9999 }),
        (at, minutes, mark, ticks) => {
          const local = new Date(at.getTime() + minutes * 60_000).toISOString();
          const sign = minutes < 0 ? '-' : '+';
          const zone = `${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
          const text = local.slice(0, 10).replaceAll('-', mark) + local.slice(10, -1);
          expect(parseDate(text + zone)).toBe(at.getTime());
          expect(parseDate(text + String(ticks).padStart(4, '0') + zone)).toBe(at.getTime());
          expect(parseDate(at.toISOString().slice(0, -1))).toBe(at.getTime());
        },
      ),
    );
  });

  test('fewer fractional digits stand for tenths and hundredths', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: 1, max: 7 }), (ticks, digits) => {
        const fraction = String(ticks).padStart(7, '0').slice(0, digits);
        const ms = Math.floor(Number(fraction.padEnd(7, '0')) / 10_000);
        expect(parseDate(`1970-01-01T00:00:00.${fraction}Z`)).toBe(ms);
      }),
    );
  });

  test('any text gives a whole number or undefined', () => {
    const nearly = fc.stringMatching(/^\d{4}[-/]\d\d[-/]\d\dT\d\d:\d\d:\d\d(\.\d{0,9})?(Z|[+-]\d\d:\d\d)?$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (text) => {
        const atMs = parseDate(text);
        expect(atMs === undefined || Number.isSafeInteger(atMs)).toBe(true);
      }),
    );
  });
});
