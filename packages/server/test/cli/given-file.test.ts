import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { givenLines } from '../../src/cli/given-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function linesOf(text: string, lengthMax: number): Promise<(string | undefined)[]> {
  const file = join(folder, 'lines');
  await writeFile(file, text);
  const lines: (string | undefined)[] = [];
  for await (const line of givenLines(file, lengthMax)) lines.push(line);
  return lines;
}

describe('the lines of a file', () => {
  test.each<[text: string, lines: (string | undefined)[]]>([
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\r\nb', ['a\r', 'b']],
    ['abcd\nabcde\nabc', ['abcd', undefined, 'abc']],
    ['abcde', [undefined]],
    ['abcde\n', [undefined]],
    ['abcde\n\nabcdef\na', [undefined, '', undefined, 'a']],
    ['\u00e9\u00e9\u00e9\u00e9\n\u{1f512}\u{1f512}', ['\u00e9\u00e9\u00e9\u00e9', '\u{1f512}\u{1f512}']],
  ])('of %j are %j where none may have more than four', async (text, lines) => {
    expect(await linesOf(text, 4)).toEqual(lines);
  });

  test('come in their places however many reads one of them takes', async () => {
    const [long, most] = ['x'.repeat(300_000), 'y'.repeat(200_000)];
    expect(await linesOf(`a\n${long}\n${most}\n${long}\n${long}`, 200_000)).toEqual([
      'a',
      undefined,
      most,
      undefined,
      undefined,
    ]);
  });
});
