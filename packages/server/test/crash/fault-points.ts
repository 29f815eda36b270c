/** The fault points that the code names, read from its sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../../src', import.meta.url));

/** What a template literal stands for, each `${...}` written as a star; one that is not here fails the table. */
const expansions = new Map([['epoch:*', ['epoch:moved', 'epoch:ended']]]);

/** Every `faults.at(...)` under `src`. Throws for one whose name cannot be read from the code. */
export function faultPoints(): string[] {
  const points = new Set<string>();
  for (const { name, text } of productFiles()) {
    for (const [call, argument = ''] of text.matchAll(/faults\s*\??\.at\(\s*([^)]*?)\s*,?\s*\)/gi)) {
      const literal = /^(['"`])(.*)\1$/s.exec(argument)?.[2];
      const pattern = literal?.replace(/\$\{.*?\}/g, '*');
      const expanded = pattern?.includes('*') ? expansions.get(pattern) : pattern && [pattern];
      if (!expanded) throw new Error(`${name}: the name in ${call} cannot be read; see test/crash/fault-points.ts`);
      for (const point of expanded) points.add(point);
    }
  }
  return [...points].sort();
}

function productFiles(): { name: string; text: string }[] {
  return readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => ({ name: entry.name, text: readFileSync(join(entry.parentPath, entry.name), 'utf8') }));
}
