import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { context, contextFiles, copyOf, readDockerfile, readDockerignore } from './dockerfile.ts';

const stages = readDockerfile();
const last = stages.at(-1);
const copies = stages.flatMap((stage) => stage.instructions.filter(({ keyword }) => keyword === 'COPY').map(copyOf));

describe('the Dockerfile', () => {
  test('copies only what exists and what .dockerignore lets in', () => {
    const files = contextFiles();
    const sources = copies.filter((copy) => copy.from === undefined).flatMap((copy) => copy.sources);
    expect(sources.length).toBeGreaterThan(5);
    const missing = sources.filter((source) => !files.some((file) => file === source || file.startsWith(`${source}/`)));
    expect(missing).toEqual([]);
  });

  test('copies every manifest that package-lock.json speaks of', () => {
    const manifest = JSON.parse(readFileSync(join(context, 'package.json'), 'utf8')) as { workspaces: string[] };
    const sources = copies.flatMap((copy) => copy.sources);
    expect(sources).toEqual(expect.arrayContaining(manifest.workspaces.map((folder) => `${folder}/package.json`)));
  });

  test('ends as a user who is not root, named by a number', () => {
    const users = last?.instructions.filter(({ keyword }) => keyword === 'USER').map(({ text }) => text) ?? [];
    expect(users.length).toBeGreaterThan(0);
    for (const user of users) expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  test('builds on the Debian and the Node.js that it ends with, one that the package asks for', () => {
    const [built, ended] = [stages[0]?.base ?? '', last?.base ?? ''];
    expect(ended).toMatch(/^node:\d+-[a-z]+-slim$/);
    expect(`${built}-slim`).toBe(ended);
    const manifest = JSON.parse(readFileSync(join(context, 'package.json'), 'utf8')) as { engines: { node: string } };
    expect(manifest.engines.node).toBe(`>=${/\d+/.exec(ended)?.[0]}.19`);
  });

  test('asks after the health of the port on which the image listens', () => {
    const textOf = (name: string) => last?.instructions.find(({ keyword }) => keyword === name)?.text;
    const port = textOf('EXPOSE');
    expect(textOf('ENV')).toContain(`TACET_LISTEN=0.0.0.0:${port}`);
    expect(textOf('HEALTHCHECK')).toContain(`http://127.0.0.1:${port}/healthz`);
  });
});

describe('.dockerignore', () => {
  const isIgnored = readDockerignore();

  test.each([
    '.env',
    '.git/config',
    'tacet-home/tacet.db',
    'tacet-home-keys/head-1',
    'node_modules/pg/package.json',
    'packages/server/dist/main.js',
    'packages/server/src/config.test.ts',
    'packages/server/src/keys/slots.test.ts',
    'packages/server/test/privacy.test.ts',
    'samples/calls.json',
    'id_rsa',
  ])('keeps %s from the image', (path) => {
    expect(isIgnored(path)).toBe(true);
  });

  test('lets in nothing that is not there', () => {
    const lines = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n');
    const plain = lines.flatMap((line) => (line.startsWith('!') && !line.includes('*') ? line.slice(1) : []));
    expect(plain.length).toBeGreaterThan(5);
    expect(plain.filter((path) => !existsSync(join(context, path)))).toEqual([]);
  });
});
