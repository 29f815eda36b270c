import { describe, expect, test } from 'vitest';
import { isDeclaredMpeg } from './audio.ts';

const mediaTypes = ['audio/mpeg', 'audio/mp3', 'audio/mpeg3', 'audio/x-mpeg-3', 'audio/x-mp3', 'audio/x-mpeg'];

describe('a recording is MPEG audio', () => {
  test.each([
    'mp3',
    'mpeg',
    'MP3',
    ' Mp3 ',
    ...mediaTypes,
    'Audio/MPEG',
    'audio/mpeg; codecs="mp3"',
    'audio/mpeg ;a=b',
  ])('when its client named the format %j, whatever the part was labelled', (format) => {
    expect(isDeclaredMpeg({ format, contentType: 'audio/wav' })).toBe(true);
  });

  test.each([...mediaTypes, 'AUDIO/Mpeg; x=y'])(
    'when no format was named and the part was labelled %s',
    (contentType) => {
      expect(isDeclaredMpeg({ format: null, contentType })).toBe(true);
      expect(isDeclaredMpeg({ format: ' ', contentType })).toBe(true);
    },
  );
});

describe('a recording is not', () => {
  test.each(['wav', 'mp4', 'mp3x', 'audio/mp', 'x/mp3', 'opus', 'mp4helium', ';audio/mpeg', 'audio/mpeg, audio/wav'])(
    'when its client named the format %j, even if the part was labelled so',
    (format) => {
      expect(isDeclaredMpeg({ format, contentType: 'audio/mpeg' })).toBe(false);
    },
  );

  test.each(['audio/wav', 'mp3', 'mpeg', 'application/octet-stream', '', 'video/mpeg'])(
    'when no format was named and the part was labelled %j',
    (contentType) => {
      expect(isDeclaredMpeg({ format: null, contentType })).toBe(false);
    },
  );
});
