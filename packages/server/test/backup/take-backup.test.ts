import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBackup, verifyBackup } from '../../src/backup/read-backup.ts';
import { type TakeBackupOptions, takeBackup } from '../../src/backup/take-backup.ts';
import type { TopRow } from '../../src/model/key-store.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let folder: string;

beforeEach(async () => {
  scene = await startScene();
  folder = await mkdtemp(join(tmpdir(), 'tacet-take-'));
});

afterEach(async () => {
  await scene.end();
  await rm(folder, { recursive: true });
});

async function take(name: string, change: Partial<TakeBackupOptions> = {}) {
  const { store, blobs, clock, tree } = scene.app.engine;
  const proveOpens = async (top: TopRow) => void (await tree.openTop(top)).fill(0);
  const { signal } = new AbortController();
  const own = { store, blobs, clock, horizonMs: 0, proveOpens, signal };
  const manifest = await takeBackup(join(folder, name), { ...own, ...change });
  await verifyBackup(await readBackup(join(folder, name)));
  return manifest;
}

type Line = { name: string; sizeBytes: number; present?: false };

async function listed(name: string): Promise<Line[]> {
  const text = await readFile(join(folder, name, 'blobs.jsonl'), 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
}

describe('the list of recordings in a backup', () => {
  test('names every finished recording with the size of its bytes, and no upload under way', async () => {
    await scene.archived('one', '+15125550101');
    await scene.archived('two', '+15125550102');
    const stopped = scene.faults.stop('archive:named');
    const uploading = scene.client.archive('three', '+15125550103', scene.audio);
    await stopped.reached;
    const manifest = await take('copy');
    stopped.goOn();
    await uploading;
    const lines = await listed('copy');
    expect(lines).toHaveLength(2);
    for (const { name, sizeBytes, ...rest } of lines) {
      expect((await scene.app.engine.blobs.stat(name))?.sizeBytes).toBe(sizeBytes);
      expect(rest).toEqual({});
    }
    const bytes = lines.reduce((sum, line) => sum + line.sizeBytes, 0);
    expect(manifest.blobs).toMatchObject({ count: 2, bytes, missing: 0 });
  });

  test('is of the copy itself: what is purged after it is named, and said to be missing once its bytes are gone', async () => {
    const { store } = scene.app.engine;
    await scene.archived('kept', '+15125550101');
    const purged = await scene.archived('purged', '+15125550102');
    const copyThenPurge: TakeBackupOptions['store'] = {
      async copyTo(file, options) {
        await store.copyTo(file, options);
        await scene.client.purge('', { ids: [purged] });
        await until(async () => (await scene.storedBlobs()).length === 1);
      },
    };
    const manifest = await take('copy', { store: copyThenPurge, proveOpens: async () => undefined });
    expect(manifest.blobs).toMatchObject({ count: 2, missing: 1 });
    const missing = (await listed('copy')).filter((line) => line.present === false);
    expect(missing.map((line) => line.name.startsWith(purged))).toEqual([true]);
  });

  test('is whole for more recordings than are read at once', async () => {
    const { engine, tenant } = scene.app;
    const slots = Array.from({ length: 1203 }, (_, i) => 1_000_000 + i);
    const row = (slot: number) => ({ slot, tenantId: tenant.id, ownerId: 'nobody', kind: 'recording' as const });
    await engine.store.write(async (tx) => {
      await tx.artifacts.insert(
        slots.map((slot) => ({ ...row(slot), sealed: null, blob: `blob-${slot}`, blobBytes: 7 })),
      );
    });
    expect((await take('copy')).blobs).toMatchObject({ count: slots.length, bytes: 7 * slots.length, missing: 1203 });
    expect((await listed('copy')).map((line) => line.name)).toEqual(slots.map((slot) => `blob-${slot}`));
    await engine.store.write((tx) => tx.artifacts.deleteOfOwner('nobody'));
  });
});

describe('a backup that fails', () => {
  test('leaves nothing: neither what it wrote nor the folders that it made', async () => {
    const proveOpens = async () => {
      throw new Error('does not open');
    };
    await expect(take('deep/er/copy', { proveOpens })).rejects.toThrow('does not open');
    const stat = async () => {
      throw new Error('cannot look');
    };
    await scene.archived('one', '+15125550101');
    await expect(take('deep/er/copy', { blobs: { stat } })).rejects.toThrow('cannot look');
    await expect(take('copy', { signal: AbortSignal.abort(new Error('told to stop')) })).rejects.toThrow(
      'told to stop',
    );
    expect(await readdir(folder)).toEqual([]);
  });

  test('because another has the folder leaves that one alone', async () => {
    const outcomes = await Promise.allSettled([take('copy'), take('copy'), take('copy')]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    for (const reason of refused) expect(reason).toMatchObject({ code: 'input_invalid' });
    await verifyBackup(await readBackup(join(folder, 'copy')));
  });
});
