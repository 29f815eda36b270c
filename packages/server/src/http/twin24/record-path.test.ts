import { describe, expect, test } from 'vitest';
import { recordPath, tokenInRecordPath } from './record-path.ts';

describe('the path of a recording', () => {
  test.each([
    ['audio/mpeg', 'mp3'],
    ['Audio/MPEG', 'mp3'],
    ['audio/x-wav', 'wav'],
    ['audio/wav; codecs=1', 'wav'],
    ['audio/ogg;codecs=opus', 'ogg'],
    ['audio/mp4', 'm4a'],
    ['video/mp4', 'bin'],
    ['text/html', 'bin'],
    ['', 'bin'],
    ['../x', 'bin'],
  ])('of %s ends in its extension', (contentType, extension) => {
    const path = recordPath('https://a.example/b', 'h..n.c.t', contentType);
    expect(path).toBe(`https://a.example/b/cis/api/v1/records/h..n.c.t.${extension}`);
    expect(tokenInRecordPath(`h..n.c.t.${extension}`)).toBe('h..n.c.t');
  });

  test.each(['', 'h..n.c.t', 'h..n.c.t.exe', 'h..n.c.t.MP3', '.mp3', 'mp3'])('is not %j', (lastPart) => {
    expect(tokenInRecordPath(lastPart)).toBeUndefined();
  });
});
