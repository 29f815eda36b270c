import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { benchmarkNames } from '../bench/benchmarks.ts';

const run = promisify(execFile);
const packageFolder = fileURLToPath(new URL('..', import.meta.url));

async function bench(...args: string[]): Promise<string[]> {
  const command = ['--import', 'tsx', 'bench/main.ts', ...args];
  const { stdout } = await run(process.execPath, command, { cwd: packageFolder });
  return stdout.trimEnd().split('\n');
}

describe('the benchmarks', () => {
  test.each(benchmarkNames)(
    '%s runs to its end at small sizes and prints only figures',
    { timeout: 60_000 },
    async (name) => {
      const [head, ...lines] = await bench('--only', name, '--quick', '--from-source');
      const last = lines.pop();

      expect(head).toMatch(/^figure +ours +baseline +ratio +bound +aim +verdict$/);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines)
        expect(line).toMatch(new RegExp(`^${name}: .* \\d.* (PASS|MISS|INFO|PASS, misses its aim)$`));
      expect(last).toMatch(new RegExp(`^${lines.length} figures, \\d+ miss their bound, \\d+ more miss their aim$`));
      expect(lines.join()).not.toContain('NaN');
    },
  );

  test('an unknown name or size is refused before anything runs', async () => {
    for (const args of [['--only', 'nothing'], ['--slots', 'many'], ['--unknown']]) {
      await expect(bench(...args)).rejects.toMatchObject({ code: 2, stdout: '' });
    }
  });
});
