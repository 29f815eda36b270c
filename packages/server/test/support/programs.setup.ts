/**
 * Before the tests: bundles the operator's command and every `*.child.ts`, so that the processes which tests start need not
 * translate a hundred files each. Of these there are hundreds, and that was most of their time.
 */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { programsFolder } from './programs.ts';

/** What packages of the older kind load modules by. */
const requiring = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;

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
    // Of packages too: to find and open their hundreds of files takes longer than to run most commands. These have files of
    // another kind.
    external: ['better-sqlite3', '@node-rs/argon2', 'pg-native'],
    banner: { js: requiring },
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
  process.env[programsFolder] = outdir;
  return async () => await rm(outdir, { recursive: true, force: true });
}
