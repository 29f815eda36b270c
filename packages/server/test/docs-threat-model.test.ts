/** docs/threat-model.md promises nothing that no test shows: each row names one that exists, or says that we can't. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { docPage } from './support/doc-commands.ts';

const server = new URL('../', import.meta.url);

type Row = { line: number; cells: string[] };

const tables = tablesOf(docPage('threat-model.md'));
const rows = tables.filter(({ head }) => head.at(-1) === 'shown by').flatMap((table) => table.rows);

describe('docs/threat-model.md', () => {
  test('has rows of attackers and of limits', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  test('says in every row which test shows it, or that we cannot', () => {
    expect(rows.flatMap(troubleWith)).toEqual([]);
  });

  test('leaves nothing without it but the summary that comes first', () => {
    expect(tables.map(({ head }) => head.at(-1)).lastIndexOf('after it')).toBe(0);
    expect(new Set(tables.slice(1).map(({ head }) => head.at(-1)))).toEqual(new Set(['shown by']));
  });

  test('has as many cells in every row as its table has columns, none of them empty', () => {
    const uneven = tables.flatMap(({ head, rows: all }) =>
      all.filter(({ cells }) => cells.length !== head.length || cells.includes('')).map(({ line }) => line),
    );
    expect(uneven).toEqual([]);
  });

  test('is read by a check that notices a test that was renamed, moved or is only mentioned', () => {
    const sources = [
      "test('a title', () => undefined)",
      "describe.each(rows)('a title', () => undefined)",
      "  test.each(rows)(\n    'a title',\n    () => undefined)",
      "const chapters = { 'a title': { before() {} } }",
      "const histories = [{ number: 1, name: 'a title', play() {} }]",
    ];
    expect(sources.filter((source) => !isTitleIn(source, 'a title'))).toEqual([]);
    const others = ["// test: 'a title'", "expect(said).toBe('a title')", "test('a title of another', run)", ''];
    expect(others.filter((source) => isTitleIn(source, 'a title'))).toEqual([]);
    const wrong = ['`test/nowhere.test.ts`: a title', 'We can', "We can't: ", 'test/privacy.test.ts', ''];
    expect(wrong.filter((cell) => troubleWith({ line: 1, cells: [cell] }).length === 0)).toEqual([]);
  });
});

function troubleWith({ line, cells }: Row): string[] {
  const shown = cells.at(-1) ?? '';
  if (/^We can't: \w.*[^.]$/.test(shown)) return [];
  const [, path, title] = /^`((?:test|src)\/[\w./-]+\.ts)`: (.+)$/.exec(shown) ?? [];
  if (path === undefined || title === undefined) return [`line ${line}: names no test`];
  const file = new URL(path, server);
  if (!existsSync(file)) return [`line ${line}: ${path} does not exist`];
  return isTitleIn(readFileSync(file, 'utf8'), title)
    ? []
    : [`line ${line}: ${path} has no test of this title: ${title}`];
}

/** True for a title that a test, a table of tests or a history has, and not for one that only occurs in the text. */
function isTitleIn(source: string, title: string): boolean {
  const literal = [`'${title}'`, `"${title}"`, `\`${title}\``];
  return literal.some((text) => {
    for (let at = source.indexOf(text); at >= 0; at = source.indexOf(text, at + 1)) {
      const isNamed = /(?:\b(?:test|it|describe)\(|\)\(|\bname: )\s*$/.test(source.slice(Math.max(0, at - 200), at));
      if (isNamed || source.startsWith(': {', at + text.length)) return true;
    }
    return false;
  });
}

function tablesOf(page: string): { head: string[]; rows: Row[] }[] {
  const found: { head: string[]; rows: Row[] }[] = [];
  let isInside = false;
  for (const [i, text] of page.split('\n').entries()) {
    if (!text.startsWith('| ')) {
      isInside = false;
      continue;
    }
    const cells = text
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
    if (!isInside) found.push({ head: cells, rows: [] });
    else if (!/^-+$/.test(cells[0] ?? '')) found.at(-1)?.rows.push({ line: i + 1, cells });
    isInside = true;
  }
  return found;
}
