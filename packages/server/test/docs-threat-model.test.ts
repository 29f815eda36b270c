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

  test('has as many cells in every row as its table has columns, none of them empty', () => {
    const uneven = tables.flatMap(({ head, rows: all }) =>
      all.filter(({ cells }) => cells.length !== head.length || cells.includes('')).map(({ line }) => line),
    );
    expect(uneven).toEqual([]);
  });

  test('would notice a test that was renamed, moved or only mentioned', () => {
    const shown = '`test/docs-threat-model.test.ts`: ';
    const trouble = ['no such title', 'a comment', 'has rows of attackers and of limits'].map((title) =>
      troubleWith({ line: 1, cells: [`${shown}${title}`] }),
    );
    expect(trouble.map((found) => found.length)).toEqual([1, 1, 0]);
    expect(troubleWith({ line: 1, cells: ['`test/nowhere.test.ts`: a title'] })).toHaveLength(1);
    expect(troubleWith({ line: 1, cells: ['We can'] })).toHaveLength(1);
  });
});

// a comment

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

/**
 * True for a title that is given to a test: the first argument of a call, an entry of a list of rows, or the name of a
 * history.
 */
function isTitleIn(source: string, title: string): boolean {
  const quoted = [`'${title}'`, `"${title}"`, `\`${title}\``];
  return quoted.some((text) => {
    for (let at = source.indexOf(text); at >= 0; at = source.indexOf(text, at + 1)) {
      if (/(?:\(|\[|name: |^ {2})\s*$/m.test(source.slice(0, at)) || source.startsWith(': {', at + text.length))
        return true;
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
