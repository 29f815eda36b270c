import { cp, readdir, rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppError } from '../../src/model/errors.ts';
import type { KeyStore } from '../../src/model/key-store.ts';
import type { Folder } from '../../src/vault/folder.ts';
import { until } from '../support/until.ts';
import { bornSlot, horizonMs, newRecovery, TreeOnDisk, type TreeProcess } from './tree-on-disk.ts';

const quick = { everyMs: 5, forMs: 50 };
const patient = { everyMs: 5, forMs: 10_000 };

let disk: TreeOnDisk;
let first: TreeProcess;

beforeEach(async () => {
  disk = await TreeOnDisk.open();
  first = await disk.started();
});

afterEach(async () => await disk.close());

/** A view of a folder as of now: what comes later is not seen until it is lifted. */
async function veil() {
  const seen = new Set(await readdir(disk.folders[0] ?? ''));
  let isLifted = false;
  let looked = 0;
  const isSeen = (name: string) => isLifted || seen.has(name);
  return {
    lift: () => {
      isLifted = true;
    },
    looked: () => looked,
    view: (folder: Folder): Folder => ({
      ...folder,
      list: async () => (await folder.list()).filter(isSeen),
      async read(name) {
        if (!isSeen(name) && name.startsWith('key-')) looked += 1;
        return isSeen(name) ? await folder.read(name) : undefined;
      },
    }),
  };
}

/** A store of which the next read of a path is followed by `then`, before anything is made of it. */
function afterNextRead(then: () => Promise<void>) {
  return (store: KeyStore): KeyStore => {
    let isDone = false;
    return {
      ...store,
      reads: {
        ...store.reads,
        async readPath(places) {
          const path = await store.reads.readPath(places);
          if (!isDone) {
            isDone = true;
            await then();
          }
          return path;
        },
      },
    };
  };
}

describe('a root key that the row names and the vault does not show yet', () => {
  test('is waited for by whoever reads, and then opens', async () => {
    const { slot, key } = await bornSlot(first);
    const late = await veil();
    await first.rootKeys.seal();
    const reader = disk.process({ view: late.view, patience: patient });
    const reading = reader.tree.open(slot);
    await until(async () => late.looked() > 3);
    late.lift();
    expect(await reading).toEqual({ kind: 'live', key });
  });

  test('is waited for by whoever writes', async () => {
    const { slot } = await bornSlot(first);
    const late = await veil();
    await first.rootKeys.seal();
    const writer = disk.process({ view: late.view, patience: patient });
    const destroying = writer.store.write(async (tx) => await writer.tree.destroy(tx, [slot]));
    await until(async () => late.looked() > 3);
    late.lift();
    expect(await destroying).toEqual([slot]);
  });

  test('is unreachable when it stays away: neither damage nor destroyed, and nothing has changed', async () => {
    const { slot, key } = await bornSlot(first);
    const late = await veil();
    await first.rootKeys.seal();
    const other = disk.process({ view: late.view, patience: quick });
    const unreachable = { code: 'vault_unreachable', retry: 'later' };
    await expect(other.tree.open(slot)).rejects.toMatchObject(unreachable);
    await expect(other.tree.keyOf(slot)).rejects.toMatchObject(unreachable);
    await expect(other.tree.statesOf([slot])).rejects.toMatchObject(unreachable);
    await expect(other.store.write(async (tx) => await other.tree.destroy(tx, [slot]))).rejects.toMatchObject(
      unreachable,
    );
    expect(await first.tree.open(slot)).toEqual({ kind: 'live', key });
  });

  test('is waited for once by writers that queue up for it, since each holds the lock meanwhile', async () => {
    const { slot } = await bornSlot(first);
    const late = await veil();
    await first.rootKeys.seal();
    const other = disk.process({ view: late.view, patience: quick });
    const destroying = async () => await other.store.write(async (tx) => await other.tree.destroy(tx, [slot]));
    const writers = await Promise.allSettled(Array.from({ length: 6 }, destroying));
    expect(writers.map((writer) => writer.status)).toEqual(Array.from({ length: 6 }, () => 'rejected'));
    // The first looks as often as its patience allows; the others, whom it kept waiting, twice.
    expect(late.looked()).toBeLessThanOrEqual(2 + quick.forMs / quick.everyMs + 5 * 2);
  });

  test('may have been replaced by the time it is looked for: then the newer one is used', async () => {
    const { slot, key } = await bornSlot(first);
    const reader = disk.process({
      patience: quick,
      store: afterNextRead(async () => {
        await first.rootKeys.seal();
        disk.lapsedMs += horizonMs;
        expect(await first.rootKeys.expire()).toBe(1);
      }),
    });
    expect(await reader.tree.open(slot)).toEqual({ kind: 'live', key });
  });

  test('may have been locked away by the time it is looked for: then the newer one is used', async () => {
    const { slot, key } = await bornSlot(first);
    const { recoveryKey } = await newRecovery();
    const sealer = await disk.started({ recoveryKey });
    const store = afterNextRead(async () => void (await sealer.rootKeys.seal()));
    const reader = disk.process({ patience: quick, store });
    expect(await reader.tree.open(slot)).toEqual({ kind: 'live', key });
  });
});

describe('while the vault does not show the named key', () => {
  test('seal, start and expiry wait without the lock, so that others go on, and then go on themselves', async () => {
    const late = await veil();
    const { generation } = await first.rootKeys.seal();
    const waiting = disk.process({ view: late.view, patience: patient });
    let rounds = 0;
    const counting: KeyStore = {
      ...waiting.store,
      write: async (work) => await waiting.store.write(async (tx) => await work(tx).finally(() => (rounds += 1))),
    };
    const sealer = disk.process({ view: late.view, patience: patient, store: () => counting });
    const sealing = sealer.rootKeys.seal();
    const expiring = waiting.rootKeys.expire();
    const starting = waiting.rootKeys.ready('archive-2');
    await until(async () => rounds > 3);
    expect(await bornSlot(first)).toMatchObject({ slot: 0 });
    late.lift();
    expect((await sealing).generation).toBe(generation + 1);
    await Promise.all([expiring, starting]);
  });

  test('nothing is sealed, and no head is moved', async () => {
    const late = await veil();
    // Its head is not moved either: the seal has died after its commit.
    const dying = disk.process({ faults: { at: dieAt('seal:committed') } });
    await expect(dying.rootKeys.seal()).rejects.toThrow('died');
    const before = await readdir(disk.folders[0] ?? '');
    const other = disk.process({ view: late.view, patience: quick });
    for (const work of [() => other.rootKeys.seal(), () => other.rootKeys.expire()]) {
      await expect(work()).rejects.toMatchObject({ code: 'archive_mismatch' });
    }
    expect(await readdir(disk.folders[0] ?? '')).toEqual(before);
  });
});

describe('a vault older than the database', () => {
  /** Puts the vault back as it was before `seals` seals. */
  async function putBackOlderVault(seals: number): Promise<string[]> {
    const [folder = ''] = disk.folders;
    await cp(folder, `${folder}-old`, { recursive: true });
    for (let i = 0; i < seals; i += 1) await first.rootKeys.seal();
    await rm(folder, { recursive: true });
    await cp(`${folder}-old`, folder, { recursive: true });
    return await readdir(folder);
  }

  test.each([1, 3])('by %i seals is refused before anything is written into it', async (seals) => {
    const before = await putBackOlderVault(seals);
    const refused = disk.process({ patience: quick });
    const works = [
      async () => await refused.rootKeys.ready('archive-2'),
      async () => await refused.rootKeys.seal(),
      async () => await refused.rootKeys.expire(),
    ];
    for (const work of works) {
      const error = await work().then(
        () => undefined,
        (thrown: AppError) => thrown,
      );
      expect(error).toMatchObject({ code: 'archive_mismatch' });
      expect(error?.message.toLowerCase()).toContain('the vault is older than the database');
      expect(await readdir(disk.folders[0] ?? '')).toEqual(before);
    }
  });
});

/** Throws at a point, as though the process had ended there. */
function dieAt(wanted: string) {
  return (point: string) => {
    if (point === wanted) throw new Error('died');
  };
}
