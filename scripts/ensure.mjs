// Installs what is missing and builds what is stale, so that the README's commands work in a fresh clone by themselves.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Tacet needs Node.js 20.19 or newer; this is ${process.versions.node}`);
  process.exit(2);
}

const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** The newest change below a folder. */
function newest(folder) {
  let at = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    at = Math.max(at, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return at;
}

const run = (...args) => execFileSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });

if (changedAt(join(root, 'node_modules/.package-lock.json')) < changedAt(join(root, 'package-lock.json'))) {
  console.error('Installing packages (this takes a minute the first time)...');
  run('ci', '--loglevel=error');
}
const sources = Math.max(newest(join(root, 'packages/server/src')), changedAt(join(root, 'tsconfig.base.json')));
if (changedAt(join(root, 'packages/server/dist/.built')) < sources) {
  console.error('Building...');
  run('run', 'build', '--silent');
}
