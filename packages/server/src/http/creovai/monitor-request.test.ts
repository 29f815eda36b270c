import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasCode } from '../../model/errors.ts';
import { parseMonitor } from './monitor-request.ts';

const known = [
  ['Unknown', 0],
  ['Healthy', 1],
  ['Warning', 10],
  ['Error', 20],
  ['Offline', 30],
] as const;

describe('a heartbeat', () => {
  test.each(known)('that is %s is known by its word in any case, and by its number %i', (word, number) => {
    for (const status of [word, word.toLowerCase(), word.toUpperCase(), number]) {
      expect(parseMonitor({ status })).toBe(word);
    }
  });

  test('is understood in the spelling of either SDK, nulls and unknown properties included', () => {
    const timeStamp = '2026-01-02T03:04:05.1234567Z';
    const net1 = { Status: 1, TimeStamp: timeStamp, Name: 'broker', SoftwareVersion: '1.2.3' };
    expect(parseMonitor(net1)).toBe('Healthy');
    expect(parseMonitor({ status: 'Warning', timeStamp, name: null, softwareVersion: null, host: {} })).toBe('Warning');
    expect(parseMonitor({ status: 'Offline' })).toBe('Offline');
  });

  test.each([
    undefined,
    null,
    [],
    'Healthy',
    {},
    { status: null },
    { status: '' },
    { status: 'Fine' },
    { status: ' Healthy' },
    { status: '1' },
    { status: 2 },
    { status: 1.5 },
    { status: true },
    { status: ['Healthy'] },
  ])('is refused without a known status: %j', (body) => {
    expect(() => parseMonitor(body)).toThrow(expect.objectContaining({ code: 'input_invalid' }));
  });

  test.each(['timeStamp', 'name', 'softwareVersion'])('is refused when its %s is no string', (name) => {
    for (const value of [1, true, {}, ['a']]) {
      expect(() => parseMonitor({ status: 'Healthy', [name]: value })).toThrow(`${name} must be a string`);
    }
  });

  test('is refused without a word of it being repeated', () => {
    expect(() => parseMonitor({ status: 'secret', name: 'secret' })).not.toThrow(/secret/);
  });

  test('never says a word of the client: junk is refused as input_invalid, or is of the closed list', () => {
    const closed: readonly string[] = known.map(([word]) => word);
    const junk = fc.oneof(fc.anything(), fc.record({ status: fc.anything(), name: fc.anything() }));
    fc.assert(
      fc.property(junk, (body) => {
        try {
          expect(closed).toContain(parseMonitor(body));
        } catch (error) {
          expect(hasCode(error, 'input_invalid')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
