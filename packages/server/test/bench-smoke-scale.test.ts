import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { scaleNames } from '../bench/scale/names.ts';
import { describeWithServers } from './support/servers.ts';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

describeWithServers('the benchmarks at scale', ({ postgres, s3 }) => {
  test('run to their end at small sizes and print only figures and their series', { timeout: 180_000 }, async () => {
    const command = ['--import', 'tsx', 'bench/main.ts', '--scale', '--quick', '--from-source'];
    const env = {
      ...process.env,
      TACET_BENCH_POSTGRES: postgres.url,
      TACET_BENCH_S3_ENDPOINT: s3.endpoint,
      TACET_BENCH_S3_ACCESS_KEY: s3.accessKey,
      TACET_BENCH_S3_SECRET_KEY: s3.secretKey,
    };
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: packageFolder, env });
    const [head, ...lines] = stdout.trimEnd().split('\n');
    const last = lines.pop();
    const figures = lines.filter((line) => !line.startsWith(' '));

    expect(head).toMatch(/^figure +ours +baseline +ratio +bound +aim +verdict$/);
    for (const line of figures) expect(line).toMatch(/^scale-[a-z-]+: .* \d.* (PASS|MISS|INFO)$/);
    for (const name of scaleNames) expect(figures.join('\n')).toContain(`${name}: `);
    expect(lines.filter((line) => line.startsWith(' '))).toEqual([
      expect.stringMatching(/^ {2}resident memory in MiB, every [\d.]+ s: \d+(, \d+)+$/),
    ]);
    expect(last).toMatch(new RegExp(`^${figures.length} figures, \\d+ miss their bound, 0 more miss their aim$`));
    expect(lines.join()).not.toContain('NaN');
  });
});
