import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../model/errors.ts';
import { depthMax, namesIn, parseJson, valuesMax } from './json-text.ts';

const mebibyte = 1024 * 1024;

function outcomeOf(bytes: Uint8Array | string, most?: number): unknown {
  try {
    return parseJson(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, 'info', most);
  } catch (error) {
    return error;
  }
}

function refusal(message: string): AppError {
  return new AppError('input_invalid', { message });
}

describe('a JSON text', () => {
  test('comes back as any parser has it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(outcomeOf(text)).toStrictEqual(JSON.parse(text));
      }),
    );
  });

  test('may begin with a byte order mark, which is not part of it', () => {
    expect(outcomeOf('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  test('that is none, or not in UTF-8, is refused without a word of it', () => {
    const texts = ['', '{"name":"Ann', 'Ann', '{"name":Ann}', '"Ann\\', ']]', '"\n"'].map((text) => Buffer.from(text));
    for (const bytes of [...texts, Uint8Array.of(0x22, 0xff, 0x22)]) {
      const error = outcomeOf(bytes);
      expect(error).toEqual(refusal('info must be JSON in UTF-8'));
      expect(error).not.toHaveProperty('cause');
    }
  });
});

describe('the depth of a text', () => {
  const tooDeep = refusal('info must not be nested deeper than 64 levels');
  const nested = (pairs: number) => '{"a":['.repeat(pairs) + ']}'.repeat(pairs);

  test('is bounded to the level, whatever is nested', () => {
    expect(outcomeOf(nested(depthMax / 2))).toEqual(JSON.parse(nested(depthMax / 2)));
    for (const text of [`[${nested(depthMax / 2)}]`, `{"a":1,"b":${nested(depthMax / 2)},"c":1}`]) {
      expect(outcomeOf(text)).toEqual(tooDeep);
    }
  });

  test('is that of its brackets alone, and not of those in strings', () => {
    for (const text of ['['.repeat(1000), '\\"'.repeat(9) + '{'.repeat(1000), '\u00e9\ud83d\ude00[['.repeat(1000)]) {
      const value = { [text]: [text] };
      expect(outcomeOf(JSON.stringify(value))).toEqual(value);
    }
    const wide = Array.from({ length: 10_000 }, () => [[]]);
    expect(outcomeOf(JSON.stringify(wide), 50_000)).toEqual(wide);
  });

  test('is refused before the parser has met it', () => {
    for (const text of ['[', '{"a":', '[['].map((opening) => Buffer.alloc(16 * mebibyte, opening))) {
      const cpu = process.cpuUsage();
      expect(outcomeOf(text)).toEqual(tooDeep);
      expect(process.cpuUsage(cpu).user).toBeLessThan(200_000);
    }
  });
});

describe('the number of values in a text', () => {
  test('is bounded to the value', () => {
    const list = (count: number) => JSON.stringify(new Array(count - 1).fill(0));
    const object = (count: number) => JSON.stringify(Object.fromEntries(new Array(count - 1).fill(0).entries()));
    for (const make of [list, object]) {
      expect(outcomeOf(make(valuesMax))).toEqual(JSON.parse(make(valuesMax)));
      expect(outcomeOf(make(valuesMax + 1))).toEqual(refusal('info is too complex: it must have at most 50000 values'));
      expect(outcomeOf(make(10), 10)).toEqual(JSON.parse(make(10)));
      expect(outcomeOf(make(11), 10)).toEqual(refusal('info is too complex: it must have at most 10 values'));
    }
  });

  test('is never taken for less than it is', () => {
    const count = (value: unknown): number =>
      typeof value !== 'object' || value === null
        ? 1
        : Object.values(value).reduce<number>((n, one) => n + count(one), 1);
    fc.assert(
      fc.property(fc.json(), (inner) => {
        const text = `[${inner}]`;
        const most = count(JSON.parse(text)) - 1;
        expect(outcomeOf(text, most)).toEqual(refusal(`info is too complex: it must have at most ${most} values`));
      }),
    );
  });

  test('does not count what stands in strings', () => {
    const value = [',[{'.repeat(100_000), { ',,"\\': ',"' }];
    expect(outcomeOf(JSON.stringify(value), 10)).toEqual(value);
  });

  test('is refused before the parser has met them', () => {
    const text = Buffer.from(`{${Array.from({ length: 1_300_000 }, (_, i) => `"k${i}":1`).join()}}`);
    const cpu = process.cpuUsage();
    expect(outcomeOf(text, 250_000)).toMatchObject({
      code: 'input_invalid',
      message: expect.stringMatching(/^info is too complex/),
    });
    expect(process.cpuUsage(cpu).user).toBeLessThan(200_000);
  });
});

describe('the names in a JSON text', () => {
  test('are those of its outermost object, however they and its values are written', () => {
    const nested = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), nested)),
        fc.constantFrom('', ' ', '\n\t\r'),
        (pairs, gap) => {
          const members = pairs.map(([name, value], i) => {
            const written = i % 2 === 0 ? JSON.stringify(name) : escaped(name);
            return `${written}${gap}:${gap}${JSON.stringify(value, null, gap)}`;
          });
          const text = `\ufeff${gap}{${gap}${members.join(`${gap},${gap}`)}}`;
          expect(namesIn(Buffer.from(text))).toEqual(pairs.map(([name]) => name));
        },
      ),
    );
  });

  test.each(['["a","b"]', '"a"', '[{"a":1}]', '7', '{}', '[]', ''])('are none in %s', (text) => {
    expect(namesIn(Buffer.from(text))).toEqual([]);
  });
});

/** Every unit of a string as an escape. */
function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, '0'));
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
}
