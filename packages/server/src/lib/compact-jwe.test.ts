import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isDirectJwe } from './compact-jwe.ts';

const part = (bytes: number) => randomBytes(bytes).toString('base64url');
const token = [part(40), '', part(12), part(100), part(16)].join('.');
const lengthMax = token.length;

describe('an encrypted token under a key that is agreed on', () => {
  test('has five parts, the second empty, and no more characters than allowed', () => {
    expect(isDirectJwe(token, { lengthMax })).toBe(true);
    expect(isDirectJwe(token, { lengthMax: lengthMax - 1 })).toBe(false);
  });

  test.each([
    '',
    '....',
    'a.b.c',
    token.replace('..', '.AA.'),
    `${token}.`,
    `.${token}`,
    `${token}=`,
    `${token}\n`,
    ` ${token}`,
  ])('is not %j', (other) => {
    expect(isDirectJwe(other, { lengthMax: 1_000 })).toBe(false);
  });

  test('has no twin that decodes to the same bytes', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const parts = token.split('.');
    // 16 bytes leave four bits of the last letter unused.
    const tag = parts.at(-1) ?? '';
    const at = letters.indexOf(tag.at(-1) ?? '');
    const twins = Array.from({ length: 15 }, (_, i) => `${tag.slice(0, -1)}${letters[at ^ (i + 1)]}`);
    for (const twin of twins) {
      expect(Buffer.from(twin, 'base64url')).toEqual(Buffer.from(tag, 'base64url'));
      expect(isDirectJwe([...parts.slice(0, -1), twin].join('.'), { lengthMax })).toBe(false);
    }
  });
});
