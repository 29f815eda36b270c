import { expect, test } from 'vitest';
import { entityTagOf, namesTag } from './entity-tag.ts';

const tag = entityTagOf('a text');

test('a text has one tag, and another text another one', () => {
  expect(tag).toMatch(/^"[\w-]{43}"$/);
  expect(entityTagOf('a text')).toBe(tag);
  expect(entityTagOf('another')).not.toBe(tag);
});

test.each([
  [undefined, false],
  ['', false],
  ['"other"', false],
  [tag.slice(1, -1), false],
  [tag, true],
  [`W/${tag}`, true],
  [`"other" , ${tag}`, true],
  [' * ', true],
])('If-None-Match: %s names it: %s', (given, isNamed) => {
  expect(namesTag(given, tag)).toBe(isNamed);
});
