import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTacet } from '../support/tacet-process.ts';
import { newRecovery } from './tree-on-disk.ts';

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

let folder: string;
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-keys-'));
  home = join(folder, 'home');
});

afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function run(args: string[], env: Record<string, string> = {}) {
  return await startTacet(args, { TACET_HOME: home, TACET_LISTEN: '127.0.0.1:0', ...env }).ended;
}

describe('`keys status`', { timeout: 120_000 }, () => {
  test('tells of root keys, of backups and of token epochs, beside a running server', async () => {
    const { recipient } = await newRecovery();
    const env = { TACET_RECOVERY_KEY: recipient };
    await run(['tenant', 'create', 'acme', '--json'], env);
    const server = startTacet(['serve'], { TACET_HOME: home, TACET_LISTEN: '127.0.0.1:0', ...env });
    await server.listening;
    await run(['keys', 'seal'], env);
    const { output, code, errors } = await run(['keys', 'status', '--json'], env);
    expect(code, errors).toBe(0);
    const status = JSON.parse(output);
    const rootKeys: { generation: number; isNamed: boolean; isLocked: boolean; diesAt: string | null }[] =
      status.rootKeys;
    expect(status).toEqual({
      archiveId: expect.any(String),
      generation: expect.any(Number),
      sealedAt: iso,
      horizonMs: 7 * 24 * 3_600_000,
      hasRecoveryKey: true,
      rootKeys: expect.any(Array),
      backups: expect.any(Array),
      tenants: [{ slug: 'acme', epochs: [{ number: 1, begunAt: iso, isTurning: false }] }],
    });
    const generations = Array.from({ length: status.generation }, (_, i) => i + 1);
    expect(rootKeys).toEqual(
      generations.map((generation) =>
        generation === status.generation
          ? { generation, isNamed: true, isLocked: false, diesAt: null }
          : { generation, isNamed: false, isLocked: true, diesAt: iso },
      ),
    );
    expect(status.backups).toEqual(
      generations.map((generation) =>
        generation === status.generation
          ? { generation, takenFrom: status.sealedAt, takenTo: null, opensUntil: null }
          : { generation, takenFrom: iso, takenTo: iso, opensUntil: rootKeys[generation - 1]?.diesAt },
      ),
    );
    const told = (await run(['keys', 'status'], env)).output;
    for (const words of [
      'recovery key  set',
      'horizon       7d',
      'named: the live one',
      'locked, dies 20',
      'acme: 1, begun 20',
    ]) {
      expect(told).toContain(words);
    }
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });

  test('ends with 2 and says what is wrong where the root keys cannot be read as they are set up', async () => {
    const [right, wrong] = [join(folder, 'right'), join(folder, 'wrong')];
    await writeFile(right, Buffer.alloc(32, 1), { mode: 0o600 });
    await writeFile(wrong, Buffer.alloc(32, 2), { mode: 0o600 });
    const wrapped = { TACET_HOME: join(folder, 'wrapped') };
    expect((await run(['keys', 'status'], { ...wrapped, TACET_MASTER_KEY_FILE: right })).code).toBe(0);
    const refusals: [Record<string, string>, string][] = [
      [wrapped, 'set TACET_MASTER_KEY_FILE'],
      [{ ...wrapped, TACET_MASTER_KEY_FILE: wrong }, 'TACET_MASTER_KEY_FILE holds another key'],
      [{ TACET_MASTER_KEY_FILE: right }, 'unset TACET_MASTER_KEY_FILE'],
    ];
    for (const [env, words] of refusals) {
      const ended = await run(['keys', 'status'], env);
      expect(ended).toMatchObject({ code: 2, output: '' });
      expect(ended.errors).toContain(words);
      expect(ended.errors).not.toContain(folder);
    }
  });

  test('ends with 2 where others may read the vault, and says how to put it right', async () => {
    const keys = `${home}-keys`;
    await chmod(keys, 0o755);
    const ended = await run(['keys', 'status']);
    expect(ended).toMatchObject({ code: 2, output: '' });
    expect(ended.errors).toContain('chmod 700');
    expect(ended.errors).not.toContain(folder);
    await chmod(keys, 0o700);
    expect((await run(['keys', 'status'])).code).toBe(0);
  });

  test('ends with 2 for what is no recovery key, touches nothing, and never repeats a secret one', async () => {
    const { identity } = await newRecovery();
    const before = await readdir(`${home}-keys`);
    for (const [text, words] of [
      ['age1nonsense', 'is not an age recipient'],
      ['age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z', 'Nothing can be sealed'],
      [identity, 'holds a secret identity'],
    ] as const) {
      const ended = await run(['keys', 'status'], { TACET_RECOVERY_KEY: text });
      expect(ended).toMatchObject({ code: 2, output: '' });
      expect(ended.errors).toContain('TACET_RECOVERY_KEY');
      expect(ended.errors).toContain(words);
      expect(ended.errors).not.toContain(identity.slice(-20));
    }
    expect(await readdir(`${home}-keys`)).toEqual(before);
  });
});
