import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrations } from '../../src/store/migrations/index.ts';
import { startTacet } from '../support/tacet-process.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-test-'));
});

afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function run(args: string[], env: Record<string, string> = {}) {
  return await startTacet(args, { TACET_HOME: join(folder, 'home'), TACET_LISTEN: '127.0.0.1:0', ...env }).ended;
}

describe('the command line', () => {
  test('says with `migrate` what was done: every migration on a new home, none on an old one', async () => {
    expect(JSON.parse((await run(['migrate', '--json'])).output)).toEqual({
      applied: migrations.map(({ name }) => name),
      ready: true,
    });
    expect(JSON.parse((await run(['migrate', '--json'])).output)).toEqual({ applied: [], ready: true });
  });

  test.each([[['client', 'create']], [['tenant', 'create', 'a', '--nope']], [['keys', 'nope']], [['nope']]])(
    'ends a mistake in its words with 2 and nothing on standard output: %j',
    async (args) => expect(await run(args)).toMatchObject({ code: 2, output: '' }),
  );

  test('ends with 2 for a setting that cannot be used, before anything is opened', async () => {
    const home = join(folder, 'never-made');
    const unusable: Record<string, string>[] = [
      { TACET_TRUST_PROXY: 'proxy.example' },
      { TACET_MASTER_KEY_FILE: join(folder, 'missing') },
    ];
    for (const env of unusable) {
      const ended = await run(['serve'], { TACET_HOME: home, ...env });
      expect(ended).toMatchObject({ code: 2, output: '' });
      expect(ended.errors).toContain(Object.keys(env)[0]);
      expect(ended.errors).not.toContain(folder);
    }
  });

  test('takes no passphrase for a master key', async () => {
    const file = join(folder, 'passphrase');
    await writeFile(file, 'correct horse battery staple and a few words more');
    const env = { TACET_HOME: join(folder, 'wrapped'), TACET_MASTER_KEY_FILE: file };
    expect(await run(['keys', 'status'], env)).toMatchObject({ code: 2, output: '' });
  });

  test('says 1 with `fsck` for damage alone: an archive that it could not look at is 2', async () => {
    expect(await run(['fsck', '--json'])).toMatchObject({ code: 0 });
    const notAFolder = join(folder, 'a-file');
    await writeFile(notAFolder, '');
    const ended = await run(['fsck', '--json'], { TACET_KEYS_DIR: notAFolder });
    expect(ended).toMatchObject({ code: 2, output: '' });
    const elsewhere = await run(['fsck', '--json'], { TACET_KEYS_DIR: join(folder, 'empty-vault') });
    expect(elsewhere).toMatchObject({ code: 8, output: '' });
  });

  test('gives back what it took when its address is taken', async () => {
    const server = startTacet(['serve'], { TACET_HOME: join(folder, 'home'), TACET_LISTEN: '127.0.0.1:0' });
    const url = new URL(await server.listening);
    expect(await run(['serve'], { TACET_LISTEN: url.host })).toMatchObject({ code: 1, output: '' });
    // The signal may come the moment that it says it listens.
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
    expect(await run(['fsck'])).toMatchObject({ code: 0 });
  });

  test('ends in order when the signal comes the moment it says that it listens', async () => {
    const server = startTacet(['serve'], { TACET_HOME: join(folder, 'home'), TACET_LISTEN: '127.0.0.1:0' });
    await server.listening;
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
  });
});
