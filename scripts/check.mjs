// Everything that guards the tree short of tests: format and lint, types, typed lint, dead code.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const checks = [
  ['format and lint', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']],
  ['types', 'typescript/bin/tsc', ['-p', 'packages/server/tsconfig.json']],
  ['typed lint', 'eslint/bin/eslint.js', ['--max-warnings=0', 'packages']],
  ['dead code', 'knip/bin/knip.js', []],
];
const failed = checks.filter(([name, script, args]) => {
  console.log(`check: ${name}`);
  const ran = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  return ran.status !== 0;
});
for (const [name] of failed) console.error(`failed: ${name}`);
process.exit(failed.length === 0 ? 0 : 1);
