import { describe, expect, test } from 'vitest';
import { safeMediaType } from './media-type.ts';

describe('a stored media type', () => {
  test.each([
    'audio/wav',
    'audio/x-wav',
    'Audio/MPEG',
    'audio/ogg; codecs=opus',
    'audio/ogg;codecs="opus, \\"vorbis\\""',
    'application/vnd.a+json',
  ])('goes out as it came: %s', (stored) => {
    expect(safeMediaType(stored)).toBe(stored);
  });

  test.each([
    '',
    'wav',
    'audio/',
    '/wav',
    'audio/wav\r\nset-cookie: a=b',
    'audio/wav; codecs',
    'audio/wav, text/html',
    'audio/wav; a="\u00e9"',
    'audio/\u0000',
    `audio/${'a'.repeat(200)}`,
  ])('becomes octet-stream when it is none: %j', (stored) => {
    expect(safeMediaType(stored)).toBe('application/octet-stream');
  });
});
