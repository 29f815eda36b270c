import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HeldHome, type HomeUse, holdHome } from '../../src/store/home-lock.ts';
import { programOf } from '../support/programs.ts';

const script = programOf(new URL('home-lock.child.ts', import.meta.url));
const inUse = { code: 'store_busy', message: expect.stringContaining('is using this home; stop it first') };
const restoring = { code: 'store_busy', message: expect.stringContaining('A restore is under way') };

let folder: string;
let home: string;
let children: ChildProcess[];
let locks: HeldHome[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-lock-'));
  home = join(folder, 'home');
  [children, locks] = [[], []];
});

afterEach(async () => {
  for (const lock of locks) await lock.release();
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

async function hold(use: HomeUse): Promise<HeldHome> {
  const lock = await holdHome(home, use);
  locks.push(lock);
  return lock;
}

/** Another process; resolves when it has the home. */
async function neighbour(use: HomeUse): Promise<ChildProcess> {
  const child = fork(script, [home, use]);
  children.push(child);
  const [said] = await once(child, 'message');
  expect(said).toBe('held');
  return child;
}

async function end(child: ChildProcess, how: 'in order' | 'killed'): Promise<void> {
  const ended = once(child, 'close');
  if (how === 'killed') child.kill('SIGKILL');
  else child.send('go');
  await ended;
}

describe('a home', () => {
  test('that is not there yet can be held, and holding it leaves one empty file', async () => {
    await hold('alone');
    expect(await readdir(home)).toEqual(['in-use.sqlite']);
  });

  test('is shared by any number of processes, and in one process', async () => {
    await neighbour('shared');
    await hold('shared');
    await hold('shared');
    await neighbour('shared');
  });

  test.each(['in order', 'killed'] as const)(
    'is had alone once a process that shared it has ended, %s',
    async (how) => {
      const child = await neighbour('shared');
      await expect(holdHome(home, 'alone')).rejects.toMatchObject(inUse);
      await end(child, how);
      await hold('alone');
    },
  );

  test.each(['in order', 'killed'] as const)(
    'is shared again once a process that had it alone has ended, %s',
    async (how) => {
      const child = await neighbour('alone');
      await expect(holdHome(home, 'shared')).rejects.toMatchObject(restoring);
      await expect(holdHome(home, 'alone')).rejects.toMatchObject(restoring);
      await end(child, how);
      await hold('shared');
      expect(await readdir(home)).toEqual(['in-use.sqlite']);
    },
  );

  test('that is had alone is refused to others of the same process until it is released', async () => {
    const lock = await hold('alone');
    await expect(holdHome(home, 'shared')).rejects.toMatchObject(restoring);
    await lock.release();
    await lock.release();
    await hold('shared');
    await expect(holdHome(home, 'alone')).rejects.toMatchObject(inUse);
  });

  test('stays held by a process when another lock of the same process is released or refused', async () => {
    await hold('shared');
    const second = await hold('shared');
    await second.release();
    await expect(holdHome(home, 'alone')).rejects.toMatchObject(inUse);
    const child = fork(script, [home, 'alone']);
    children.push(child);
    expect((await once(child, 'message'))[0]).toBe('store_busy');
  });

  test('waits for one that asks for it alone and is refused', async () => {
    await neighbour('shared');
    const refused = Promise.allSettled([1, 2, 3].map(() => holdHome(home, 'alone')));
    for (let i = 0; i < 20; i += 1) await (await holdHome(home, 'shared')).release();
    expect((await refused).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  test('is held whatever has become of its database', async () => {
    await mkdir(join(home, 'db'), { recursive: true });
    await writeFile(join(home, 'db', 'tacet.sqlite'), 'this is no database');
    await neighbour('shared');
    await expect(holdHome(home, 'alone')).rejects.toMatchObject(inUse);
  });

  test('whose lock file is not ours says so, and is never taken for free', async () => {
    await mkdir(home);
    await writeFile(join(home, 'in-use.sqlite'), 'x'.repeat(4096));
    for (const use of ['shared', 'alone'] as const) {
      await expect(holdHome(home, use)).rejects.toMatchObject({ code: 'store_failed', detail: 'SQLITE_NOTADB' });
    }
  });
});
