/**
 * Before the tests: bundles the operator's command and every `*.child.ts`, so that the processes which tests start need not
 * translate a hundred files each. Of these there are hundreds, and that was most of their time.
 */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { programsFolder } from './programs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Run once by vitest, which runs what it returns in the end. */
export async function setup(): Promise<() => Promise<void>> {
  // Inside the package, where what is not bundled is found.
  const outdir = `${root}.programs/${process.pid}`;
  const children = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.child.ts'))
    .map((file) => `test/${file}`);
  await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts', ...children],
    outbase: root,
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  process.env[programsFolder] = outdir;
  return async () => await rm(outdir, { recursive: true, force: true });
}
