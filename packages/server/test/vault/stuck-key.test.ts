/** With a recovery key: one old key file that cannot be read or destroyed concerns itself alone. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { SealScheduler } from '../../src/engine/upkeep/seal-scheduler.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import type { Folder } from '../../src/vault/folder.ts';
import { filesIn } from './alike.ts';
import { newRecovery, TreeOnDisk } from './tree-on-disk.ts';

const recovery = await newRecovery();

let disk: TreeOnDisk;

beforeEach(async () => {
  disk = await TreeOnDisk.open(1);
});

afterEach(async () => await disk.close());

function noting(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  return { errors, log: { ...silentLog, error: (event) => void errors.push(event) } };
}

/** A process with a recovery key, in an archive of three seals of which the first key file refuses. */
async function stuck(call: 'read' | 'destroy') {
  const before = await disk.started();
  for (let i = 0; i < 2; i += 1) await before.rootKeys.seal();
  const [bad] = (await filesIn(disk.folders[0] ?? '')).filter((file) => file.startsWith('key-'));
  const state = { isOver: false };
  const view = (folder: Folder): Folder => ({
    ...folder,
    async [call](name: string) {
      if (name === bad && !state.isOver) throw Object.assign(new Error('refused'), { code: 'EIO', syscall: call });
      return await folder[call](name);
    },
  });
  return { state, running: disk.process({ view, recoveryKey: recovery.recoveryKey }) };
}

async function standing(): Promise<string[]> {
  return (await disk.state()).keys.map((key) => (key.isLocked ? 'locked' : 'raw'));
}

test.each(['read', 'destroy'] as const)(
  'a key that cannot be locked away (%s) makes no seal fail or be made again, and keeps no other as it was',
  async (call) => {
    const { state, running } = await stuck(call);
    const { log, errors } = noting();
    const sealer = new SealScheduler({ rootKeys: running.rootKeys, store: disk.store, clock: systemClock, log });
    expect((await sealer.sealed()).generation).toBe(4);
    expect(await standing()).toEqual(['raw', 'locked', 'locked', 'raw']);
    await sealer.close();
    expect(errors).toEqual(['lock_away.failed']);
    expect((await disk.store.keyStore.reads.readTop())?.generation).toBe(4);

    expect(await running.rootKeys.hasUnlocked()).toBe(true);
    await expect(running.rootKeys.lockAway()).rejects.toMatchObject({ code: 'vault_unreachable' });
    state.isOver = true;
    expect(await running.rootKeys.lockAway()).toBe(1);
    expect(await running.rootKeys.hasUnlocked()).toBe(false);
    expect(await standing()).toEqual(['locked', 'locked', 'locked', 'raw']);
  },
);

test('an archive with such a key starts, says so, and seals', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tacet-stuck-'));
  try {
    const env = { TACET_HOME: join(folder, 'home') };
    const before = await openApp(readConfig(env), { log: silentLog });
    await before.engine.rootKeys.seal();
    await before.close();
    const keys = join(folder, 'home-keys');
    const [bad = ''] = (await filesIn(keys)).filter((file) => file.startsWith('key-'));
    await rename(join(keys, bad), join(folder, 'aside'));
    // A folder in its place can be neither read nor destroyed as a file, by any user.
    await mkdir(join(keys, bad), { mode: 0o700 });
    const { log, errors } = noting();
    const app = await openApp(readConfig({ ...env, TACET_RECOVERY_KEY: recovery.recipient }), { log });
    expect(errors).toEqual(['lock_away.failed']);
    expect((await app.engine.sealer.sealed()).generation).toBe(3);
    await app.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
