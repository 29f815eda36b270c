import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const log = fileURLToPath(new URL('../../src/lib/log.ts', import.meta.url));

test('a process whose log is on a full disk goes on without a word', () => {
  const script = `
    import { stderrLog } from ${JSON.stringify(log)};
    for (let line = 0; line < 3; line += 1) stderrLog.error('event');
    setTimeout(() => process.stdout.write('still here'), 10);`;
  const full = openSync('/dev/full', 'w');
  const ended = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', full],
  });
  closeSync(full);
  expect([ended.status, ended.stdout.toString()]).toEqual([0, 'still here']);
});
