import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** What a room may import: other rooms (or single files), packages, and which of Node's own modules. */
type Rule = { rooms: readonly string[]; packages?: readonly string[]; node: 'all' | readonly string[] };

/** The table of docs/architecture.md, "Rooms". A room may always import itself. */
const rules: Readonly<Record<string, Rule>> = {
  lib: { rooms: ['model/errors.ts'], node: 'all' },
  model: { rooms: ['lib'], packages: ['libphonenumber-js'], node: [] },
  keys: { rooms: ['model', 'lib'], node: ['node:crypto'] },
  vault: { rooms: ['model', 'lib'], node: 'all' },
  engine: { rooms: ['model', 'lib', 'keys'], node: ['node:crypto'] },
  store: { rooms: ['model', 'lib'], packages: ['kysely', 'better-sqlite3', 'pg'], node: 'all' },
  blobs: { rooms: ['model', 'lib'], packages: ['@aws-sdk/client-s3'], node: 'all' },
  backup: { rooms: ['model', 'lib', 'store', 'vault'], node: 'all' },
  move: { rooms: ['model', 'lib', 'store', 'blobs/lanes.ts'], node: ['node:timers/promises'] },
  metrics: { rooms: ['model', 'lib'], packages: ['prom-client'], node: ['node:http', 'node:net'] },
  http: {
    rooms: ['engine', 'model', 'lib'],
    packages: ['fastify', 'typebox', '@fastify/cors', '@fastify/rate-limit'],
    node: ['node:http', 'node:https', 'node:net', 'node:stream', 'node:stream/promises', 'node:querystring'],
  },
  cli: {
    rooms: [
      'engine',
      'model',
      'lib',
      'keys',
      'store',
      'vault',
      'blobs',
      'backup',
      'move',
      'metrics',
      'http',
      'config.ts',
      'config-places.ts',
      'config-values.ts',
      'app.ts',
      'app-places.ts',
    ],
    packages: ['commander'],
    node: 'all',
  },
  'config.ts': {
    rooms: ['model', 'lib', 'vault/recovery-key.ts', 'config-places.ts', 'config-values.ts'],
    node: 'all',
  },
  'config-places.ts': { rooms: ['model'], node: 'all' },
  'config-values.ts': { rooms: ['lib'], node: 'all' },
  'app-places.ts': { rooms: ['model', 'lib', 'store', 'blobs', 'config.ts'], node: 'all' },
  'app-attending.ts': { rooms: ['engine', 'model', 'keys', 'store', 'config.ts'], node: [] },
  'app.ts': {
    rooms: [
      'engine',
      'model',
      'lib',
      'keys',
      'store',
      'vault',
      'blobs',
      'backup',
      'metrics',
      'config.ts',
      'app-attending.ts',
      'app-places.ts',
    ],
    node: 'all',
  },
  'main.ts': { rooms: ['cli'], node: 'all' },
};

/** Packages that one file of a room alone may import. */
const packagesOfFiles: Readonly<Record<string, readonly string[]>> = {
  'lib/password-hash.ts': ['@node-rs/argon2'],
  'lib/access-token.ts': ['jose'],
  'lib/refresh-token.ts': ['jose'],
  'lib/share-token.ts': ['jose'],
  'vault/recovery-key.ts': ['age-encryption'],
};

const linesMax = 300;
const root = fileURLToPath(new URL('../src', import.meta.url));
const page = fileURLToPath(new URL('../../../docs/architecture.md', import.meta.url));

/** One import as written; `isErased` when it leaves nothing in the compiled file. */
type Import = { from: string; to: string; isErased: boolean };

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .sort();
const productFiles = files.filter((file) => !file.endsWith('.test.ts'));
const imports = productFiles.flatMap(importsOf);

describe('the rooms', () => {
  test('are all in the table', () => {
    const rooms = new Set(productFiles.map(roomOf));
    expect([...rooms].filter((room) => rules[room] === undefined).map(toRead)).toEqual([]);
  });

  test('are all in the table of docs/architecture.md', () => {
    const table = readFileSync(page, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const missing = Object.keys(rules).filter(
      (room) => !table.some((row) => row.split('|')[1]?.includes(`\`${room}\``)),
    );
    expect(missing).toEqual([]);
  });

  test('import what the table lets them and nothing else', () => {
    const strays = imports.filter((one) => !isAllowed(one));
    expect(strays.map(({ from, to }) => `${from} imports ${to}: ${toRead(roomOf(from))}`)).toEqual([]);
  });

  test('of the vendors never import one another', () => {
    const strays = imports.filter(({ from, to }) => {
      const [mine, theirs] = [surfaceOf(from), surfaceOf(to)];
      return mine !== undefined && theirs !== undefined && mine !== theirs;
    });
    expect(strays.map(({ from, to }) => `${from} imports ${to}: ${toRead('http')}`)).toEqual([]);
  });

  test('outside keys see no more of the sealing than sealing.ts', () => {
    const strays = imports.filter(({ from, to }) => roomOf(from) !== 'keys' && to.startsWith('keys/sealing-'));
    expect(strays.map(({ from, to }) => `${from} imports ${to}: ${toRead('keys')}`)).toEqual([]);
  });

  test('keep the model pure: no clock, no randomness, no I/O', () => {
    const impure = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\brandomUUID\b|\bprocess\.|\bfetch\(|\bconsole\./;
    const strays = productFiles.filter((file) => roomOf(file) === 'model' && impure.test(codeOf(file)));
    expect(strays.map((file) => `${file} is not pure: ${toRead('model')}`)).toEqual([]);
  });
});

describe('the files', () => {
  test('never import each other in a circle', () => {
    expect(circles().map((circle) => circle.join(' -> '))).toEqual([]);
  });

  test(`have at most ${linesMax} lines`, () => {
    const long = files.filter((file) => textOf(file).trimEnd().split('\n').length > linesMax);
    expect(long.map((file) => `${file} is too long: give part of it a file and a name of its own`)).toEqual([]);
  });
});

/** Where a reader finds why. */
function toRead(room: string): string {
  return `read the row of ${room} under "Rooms" in docs/architecture.md`;
}

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** A file without its comments. */
function codeOf(file: string): string {
  return textOf(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

/** A folder of `src`, or a file that lies in it by itself. */
function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

/** The vendor (or our own surface) that a folder of `http` speaks for. */
function surfaceOf(file: string): string | undefined {
  const [room, surface, inner] = file.split('/');
  return room === 'http' && inner !== undefined ? surface : undefined;
}

/** Static imports, re-exports and `import()`; a relative one as its path below `src`. */
function importsOf(from: string): Import[] {
  const text = codeOf(from);
  const statements = text.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  const calls = text.matchAll(/\bimport\(\s*()['"]([^'"]+)['"]/g);
  return [...statements, ...calls].map(([, type, specifier = '']) => {
    const to = specifier.startsWith('.') ? relative(root, join(root, dirname(from), specifier)) : specifier;
    return { from, to, isErased: Boolean(type) };
  });
}

function isAllowed({ from, to }: Import): boolean {
  const rule = rules[roomOf(from)];
  if (rule === undefined) return false;
  if (isBuiltin(to)) return rule.node === 'all' || rule.node.includes(to);
  if (!files.includes(to))
    return [...(rule.packages ?? []), ...(packagesOfFiles[from] ?? [])].some((name) => isOf(to, name));
  return roomOf(to) === roomOf(from) || rule.rooms.includes(roomOf(to)) || rule.rooms.includes(to);
}

function isOf(specifier: string, packageName: string): boolean {
  return specifier === packageName || specifier.startsWith(`${packageName}/`);
}

/** Circles among the imports that are still there once compiled, each once, from its first file. */
function circles(): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    for (const { to } of imports.filter((one) => one.from === file && !one.isErased)) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of productFiles) visit(file, []);
  return found;
}
