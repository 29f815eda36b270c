import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chainAudit } from '../src/engine/audit/chain-audit.ts';
import { exportAudit } from '../src/engine/audit/export-audit.ts';
import { problemMeanings } from '../src/engine/fsck/problem-meanings.ts';
import { startApp, type TestApp } from './support/harness.ts';

const page = new URL('../../../docs/audit.md', import.meta.url);

let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await startApp();
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

async function exported(): Promise<string> {
  await chainAudit(app.engine);
  let text = '';
  for await (const lines of exportAudit(app.engine, app.caller(), {})) text += lines;
  return text;
}

/** Runs the shell of the page on a file. */
async function recompute(text: string): Promise<string> {
  const [, shell = ''] = /```\n(link=[\s\S]*?)```/.exec(await readFile(page, 'utf8')) ?? [];
  expect(shell).toContain('sha256sum');
  await writeFile(join(folder, 'audit.ndjson'), text);
  const env = { ...process.env, TENANT: app.tenant.id };
  return (await promisify(execFile)('sh', ['-c', shell], { cwd: folder, env })).stdout;
}

describe('docs/audit.md', () => {
  test('has a recipe that finds the chain of an export whole, and a row that was changed', async () => {
    await app.token();
    const text = await exported();
    expect(text.split('\n').length).toBeGreaterThan(2);
    expect(await recompute(text)).toBe('');
    expect(await recompute(text.replace('"kind":"cli"', '"kind":"user"'))).toMatch(/^differs: /);
  });

  test('lists what fsck can find in the audit', async () => {
    const text = await readFile(page, 'utf8');
    const codes = Object.keys(problemMeanings).filter((code) => code.startsWith('audit_'));
    expect([...text.matchAll(/^\| `(audit_\w+)`/gm)].map(([, code]) => code).sort()).toEqual(codes.sort());
  });
});
