import type { ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sumOf } from '../support/metrics-page.ts';
import { startTacet, type TacetProcess } from '../support/tacet-process.ts';
import { until } from '../support/until.ts';

let folder: string;
let processes: TacetProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tacet-metrics-'));
  processes = [];
});
afterEach(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await Promise.all(processes.map(async (one) => await one.ended));
  await rm(folder, { recursive: true, force: true });
});

function start(command: string, metricsListen: string): { tacet: TacetProcess; said: () => string } {
  const tacet = startTacet([command], {
    TACET_HOME: join(folder, 'home'),
    TACET_LISTEN: '127.0.0.1:0',
    TACET_METRICS_LISTEN: metricsListen,
  });
  processes.push(tacet);
  return { tacet, said: sayingOf(tacet.child) };
}

function sayingOf(child: ChildProcess): () => string {
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return () => said;
}

function pageUrls(said: string): string[] {
  return [...said.matchAll(/^metrics at (http:\/\/127\.0\.0\.1:\d+\/metrics)$/gm)].map(([, url = '']) => url);
}

describe('serve and work', () => {
  test.each([
    ['serve', /^listening on /gm],
    ['work', /^working$/gm],
  ])('%s says once where its metrics are, tells them there, and ends in order', async (command, ready) => {
    const { tacet, said } = start(command, '127.0.0.1:0');
    await until(async () => ready.test(said()));
    const [url = '', ...more] = pageUrls(said());
    expect([more, said().match(ready)]).toMatchObject([[], { length: 1 }]);
    const page = await (await fetch(url)).text();
    expect(sumOf(page, 'tacet_last_seal_age_seconds')).toBeLessThan(60);
    expect(sumOf(page, 'tacet_jobs_due')).toBe(0);
    expect(sumOf(page, 'nodejs_eventloop_lag_seconds')).toBeDefined();
    tacet.child.kill('SIGTERM');
    expect(await tacet.ended, tacet.errors()).toMatchObject({ code: 0 });
  });

  test('serve says nothing of metrics where none are asked for', async () => {
    const { tacet, said } = start('serve', '');
    await tacet.listening;
    expect(said()).not.toContain('metrics');
  });

  test('work names the setting when it cannot listen there, and does not begin', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const at = other.address();
    const port = typeof at === 'object' ? at?.port : undefined;
    const { tacet } = start('work', `127.0.0.1:${port}`);
    const { code, output, errors } = await tacet.ended;
    expect(code).not.toBe(0);
    expect(errors).toContain(
      `TACET_METRICS_LISTEN: cannot listen on 127.0.0.1:${port}: somebody else does (EADDRINUSE)`,
    );
    expect(output).not.toContain('working');
    await new Promise((resolve) => other.close(resolve));
  });
});
