/** What a vault may lie in, and whose its files may be: looked at where links lead, before anything is touched. */
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openVault } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { TreeOnDisk } from './tree-on-disk.ts';

let folder: string;
let home: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-placement-'));
  home = join(folder, 'home');
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const at = (...names: string[]) => join(folder, ...names);

async function opening(env: Record<string, string>): Promise<unknown> {
  return await openVault(readConfig({ TACET_HOME: home, ...env }));
}

async function expectRefused(env: Record<string, string>, words: string): Promise<void> {
  const refusal = await opening(env).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(words) });
  expect(String(refusal)).not.toContain(folder);
}

describe('a vault folder', () => {
  test.each([
    ['a link into the home', true, async () => await symlink(join(home, 'keys'), at('link')), 'link'],
    ['a link to what is not there yet', false, async () => await symlink(join(home, 'keys'), at('link')), 'link'],
    ['a folder behind a link to the home', false, async () => await symlink(home, at('link')), 'link/keys'],
  ])('that is %s is refused as one inside the home', async (_, isThere, make, keys) => {
    await mkdir(isThere ? join(home, 'keys') : home, { recursive: true });
    await make();
    await expectRefused({ TACET_KEYS_DIR: at(keys) }, 'TACET_KEYS_DIR: lies inside the home');
    expect(await readdir(home)).toEqual(isThere ? ['keys'] : []);
  });

  test('is refused inside a home that is itself named by a link', async () => {
    await mkdir(at('real'));
    await symlink(at('real'), home);
    await expectRefused({ TACET_KEYS_DIR: at('real', 'keys') }, 'lies inside the home');
  });

  test('that is another by a link is one copy and not two', async () => {
    await mkdir(at('one'));
    await symlink(at('one'), at('two'));
    await expectRefused({ TACET_KEYS_DIR: `${at('one')},${at('two')}` }, 'names a folder twice');
    await expectRefused({ TACET_KEYS_DIR: `${at('one', 'new')},${at('two', 'new')}` }, 'names a folder twice');
  });

  test('behind a link that leads elsewhere is taken, and so is a link in a circle left to whoever opens it', async () => {
    await mkdir(at('elsewhere'));
    await symlink(at('elsewhere'), at('link'));
    await symlink(at('circle'), at('circle'));
    await opening({ TACET_KEYS_DIR: `${at('link')},${at('circle')}` });
  });

  test('or file that belongs to another user is refused, whatever this one may read', async () => {
    const disk = await TreeOnDisk.open(1);
    try {
      await disk.started();
      vi.spyOn(process, 'geteuid').mockReturnValue((process.geteuid?.() ?? 0) + 1);
      const starting = disk.process().rootKeys.ready('archive-1');
      const message = expect.stringMatching(/folder 1 of 1 .* belongs to another user/);
      await expect(starting).rejects.toMatchObject({ code: 'config_invalid', message });
    } finally {
      await disk.close();
    }
  });
});

describe('a master key file', () => {
  async function masterKey(path: string, mode: number): Promise<void> {
    await writeFile(path, Buffer.alloc(32, 7));
    await chmod(path, mode);
  }

  test.each([0o640, 0o604, 0o620, 0o602])('of mode %o is refused, and how to put it right is said', async (mode) => {
    await masterKey(at('key'), mode);
    await expectRefused({ TACET_MASTER_KEY_FILE: at('key') }, 'TACET_MASTER_KEY_FILE is open to others');
    await chmod(at('key'), 0o600);
    await opening({ TACET_MASTER_KEY_FILE: at('key') });
  });

  test('inside the home is refused, by its path or by a link', async () => {
    await mkdir(home);
    await masterKey(join(home, 'key'), 0o600);
    await symlink(join(home, 'key'), at('link'));
    for (const path of [join(home, 'key'), at('link')]) {
      await expectRefused({ TACET_MASTER_KEY_FILE: path }, 'TACET_MASTER_KEY_FILE lies inside the home');
    }
  });
});
