import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));
const page = readFileSync(new URL('../../../docs/logs.md', import.meta.url), 'utf8');

/** `event level` of every line that the sources log; what is put into a name stands as `*`. */
function logged(): string[] {
  const found = new Set<string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, level, , event = ''] of text.matchAll(/[lL]og\.(info|warn|error)\(\s*(['`])([^'`]+)\2/g)) {
      found.add(`${event.replaceAll(/\$\{\w+\}/g, '*')} ${level}`);
    }
  }
  return [...found].sort();
}

test('docs/logs.md lists every event that is logged, with its level, and no other', () => {
  const rows = [...page.matchAll(/^\| `([^`]+)` +\| (\w+) +\| /gm)];
  expect(rows.map(([, event, level]) => `${event} ${level}`).sort()).toEqual(logged());
});

test('no event is logged under a name that this search would not see', () => {
  const unseen: string[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    if (/[lL]og\.(info|warn|error)\(\s*[^'`\s]/.test(text)) unseen.push(entry.name);
  }
  expect(unseen).toEqual([]);
});
