import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { shapeOf } from './shape.ts';

const Person = Type.Object(
  { name: Type.Optional(Type.String({ minLength: 1, maxLength: 3 })) },
  { additionalProperties: false },
);
const read = shapeOf(
  Type.Object(
    {
      id: Type.String(),
      word: Type.Optional(Type.Enum(['one', 'two'])),
      size: Type.Optional(Type.Integer({ minimum: 0, maximum: 9 })),
      isOpen: Type.Optional(Type.Boolean()),
      people: Type.Optional(Type.Array(Person, { maxItems: 3 })),
      map: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    },
    { additionalProperties: false },
  ),
);

test('what fits comes back as it was given', () => {
  const value = {
    id: '',
    word: 'two',
    size: 9,
    isOpen: false,
    people: [{}, { name: 'Ann' }],
    map: { any: [{ thing: 1 }] },
  };
  expect(read(value, 'The body')).toBe(value);
});

test.each([
  [[], 'The body must be a JSON object'],
  [null, 'The body must be a JSON object'],
  [{}, 'id is required'],
  [{ id: 5551234 }, 'id must be a string'],
  [{ id: '', word: '5551234' }, 'word must be one of one, two'],
  [{ id: '', size: 1.5 }, 'size must be a whole number'],
  [{ id: '', size: Number.POSITIVE_INFINITY }, 'size must be a whole number'],
  [{ id: '', size: '5551234' }, 'size must be a whole number'],
  [{ id: '', size: -1 }, 'size must be at least 0'],
  [{ id: '', size: 10 }, 'size must be at most 9'],
  [{ id: '', isOpen: 'true' }, 'isOpen must be true or false'],
  [{ id: '', people: {} }, 'people must be an array'],
  [{ id: '', people: [{}, {}, {}, {}] }, 'people must have at most 3 entries'],
  [{ id: '', people: [{}, 5551234] }, 'people[1] must be a JSON object'],
  [{ id: '', people: [{}, { name: '5551234' }] }, 'people[1].name must have at most 3 characters'],
  [{ id: '', people: [{ name: '' }] }, 'people[0].name must have at least 1 character'],
  [{ id: '', people: [{ '5551234': 1 }] }, 'people[0] has a field that is not known; known are name'],
  [{ id: '', map: [] }, 'map must be a JSON object'],
  [{ id: '', '5551234': 1 }, 'The body has a field that is not known; known are id, word, size, isOpen, people, map'],
  [
    JSON.parse('{"id":"","__proto__":{"a":1}}'),
    'The body has a field that is not known; known are id, word, size, isOpen, people, map',
  ],
])('%j is refused: %s', (value, message) => {
  expect(() => read(value, 'The body')).toThrow(expect.objectContaining({ code: 'input_invalid', message }));
});

test('what is inside a map is for its client alone, whatever its names', () => {
  const map = JSON.parse('{"__proto__": null, "/~1": [], "constructor": {"size": "x"}}');
  expect(read({ id: '', map }, 'The body').map).toBe(map);
});
