import { describe, expect, test } from 'vitest';
import { isMediaType, mediaTypeOf, safeMediaType } from './media-type.ts';

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

test('a media type is one of any length', () => {
  expect(isMediaType(`audio/${'a'.repeat(200)}`)).toBe(true);
  for (const none of ['', 'wav', 'audio/wav, audio/wav', 'audio/wav;']) expect(isMediaType(none)).toBe(false);
});

test.each([
  ['Multipart/Form-Data ; boundary="a;b"', 'multipart/form-data'],
  [' application/JSON', 'application/json'],
  ['application/json, text/plain', 'application/json, text/plain'],
  ['', ''],
])('the media type of %j is %j', (contentType, type) => expect(mediaTypeOf(contentType)).toBe(type));
