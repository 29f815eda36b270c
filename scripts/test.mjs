// Runs every test and ends with the plain line `N passed, N failed`, whatever happened before it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'tacet-report-'));
const report = join(folder, 'report.json');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const ran = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: join(root, 'packages/server'),
  stdio: ['ignore', 'inherit', 'inherit'],
});

/** What a test that needs an absent server says in its name (`test/support/servers.ts`). */
const starting = 'eval "$(scripts/test-servers start)"';

let [passed, failed, skipped] = [0, 1, 0];
let isServerAbsent = false;
try {
  const told = JSON.parse(readFileSync(report, 'utf8'));
  passed = told.numPassedTests;
  skipped = told.numPendingTests;
  isServerAbsent = told.testResults
    .flatMap((file) => file.assertionResults)
    .some((test) => test.status === 'skipped' && test.fullName.includes(starting));
  // A file that could not be loaded has no failed test of its own, but it has failed.
  const broken = told.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  failed = told.numFailedTests + broken.length;
  if (failed === 0 && ran.status !== 0) failed = 1;
} catch {
  console.error('The tests left no report');
}
rmSync(folder, { recursive: true, force: true });
if (skipped > 0 && process.env.CI === 'true') {
  console.error(`${skipped} tests were skipped; in CI none may be`);
  failed += skipped;
}
if (isServerAbsent)
  console.error(`Some tests need a server that does not run here; start it and run them again:\n  ${starting}`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed === 0 ? 0 : 1);
