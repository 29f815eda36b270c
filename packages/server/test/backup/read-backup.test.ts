import { cp, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BackupManifest } from '../../src/backup/manifest.ts';
import { readBackup, topRowOf, verifyBackup } from '../../src/backup/read-backup.ts';
import { takeBackup } from '../../src/backup/take-backup.ts';
import { startApp, type TestApp } from '../support/harness.ts';

let app: TestApp;
let folder: string;
let taken: string;
let dir: string;
let count = 0;

const signal = new AbortController().signal;

beforeAll(async () => {
  app = await startApp({ workers: 0 });
  folder = await mkdtemp(join(tmpdir(), 'tacet-read-'));
  taken = join(folder, 'taken');
  const { store, blobs, clock, tree } = app.engine;
  const proveOpens = async (top: Parameters<typeof tree.openTop>[0]) => void (await tree.openTop(top));
  await takeBackup(taken, { store, blobs, clock, horizonMs: 1, proveOpens, signal });
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  count += 1;
  dir = join(folder, String(count));
  await cp(taken, dir, { recursive: true });
});

afterEach(async () => await rm(dir, { recursive: true }));

const at = (name: string) => join(dir, name);

async function changeManifest(change: (manifest: Record<string, unknown>) => void): Promise<void> {
  const manifest = JSON.parse(await readFile(at('manifest.json'), 'utf8')) as Record<string, unknown>;
  change(manifest);
  await writeFile(at('manifest.json'), JSON.stringify(manifest));
}

async function flipByte(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  await handle.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
  await handle.close();
}

describe('a backup', () => {
  test('is read as it was written, and proven, and reading leaves nothing in its folder', async () => {
    const backup = await readBackup(dir);
    const top = await app.engine.store.reads.keys.readTop();
    expect(backup.manifest).toMatchObject({ format: 1, archiveId: top?.archiveId, keyId: top?.keyId, horizonMs: 1 });
    await verifyBackup(backup);
    expect(await topRowOf(backup.databaseFile)).toEqual(top);
    expect((await readdir(dir)).sort()).toEqual(['blobs.jsonl', 'database.sqlite', 'manifest.json']);
  });

  test.each<[what: string, reason: RegExp, change: () => Promise<unknown>]>([
    ['whose manifest is missing', /has no manifest.json/, () => rm(at('manifest.json'))],
    ['whose manifest is not JSON', /not JSON/, () => truncate(at('manifest.json'), 20)],
    ['whose manifest is no object', /not whole/, () => writeFile(at('manifest.json'), '7')],
    ['of another format', /format/, () => changeManifest((m) => Object.assign(m, { format: 2 }))],
    ['whose database is missing', /database.sqlite is missing/, () => rm(at('database.sqlite'))],
    ['whose database is cut', /bytes instead of/, () => truncate(at('database.sqlite'), 4096)],
    ['whose list is missing', /blobs.jsonl is missing/, () => rm(at('blobs.jsonl'))],
  ])('%s is refused with the reason', async (_, reason, change) => {
    await change();
    await expect(readBackup(dir)).rejects.toMatchObject({
      code: 'input_invalid',
      message: expect.stringMatching(reason),
    });
  });

  test('of which any word of the manifest is missing or of another kind is refused', async () => {
    const { manifest } = await readBackup(dir);
    const parts: [part: 'database' | 'blobs' | undefined, fields: string[]][] = [
      [undefined, Object.keys(manifest)],
      ['database', Object.keys(manifest.database)],
      ['blobs', Object.keys(manifest.blobs)],
    ];
    for (const [part, fields] of parts) {
      for (const field of fields) {
        for (const value of [undefined, null, true, -1, '']) {
          const whole = structuredClone(manifest) as BackupManifest & Record<string, unknown>;
          Object.assign(part === undefined ? whole : whole[part], { [field]: value });
          await writeFile(at('manifest.json'), JSON.stringify(whole));
          await expect(readBackup(dir), `${part} ${field} ${value}`).rejects.toMatchObject({ code: 'input_invalid' });
        }
      }
    }
  });

  test('is refused where there is no folder, or only a file, and the path is not repeated', async () => {
    for (const path of [at('nowhere'), at('manifest.json')]) {
      const error = await readBackup(path).catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: 'input_invalid', message: expect.stringContaining('no such folder') });
      expect(JSON.stringify(error)).not.toContain(folder);
    }
  });

  test('of which a single bit has changed is damage', async () => {
    const backup = await readBackup(dir);
    for (const position of [30, 5000, backup.manifest.database.bytes - 1]) {
      await flipByte(backup.databaseFile, position);
      await expect(verifyBackup(backup)).rejects.toMatchObject({ code: 'damage' });
      await flipByte(backup.databaseFile, position);
    }
    await writeFile(backup.recordingsFile, '{}\n');
    await expect(verifyBackup(backup)).rejects.toMatchObject({ code: 'damage', message: /blobs.jsonl/ });
  });

  test('whose manifest speaks of another archive or seal is damage', async () => {
    for (const change of [{ archiveId: 'other' }, { keyId: 'other' }, { generation: 99 }]) {
      const backup = await readBackup(dir);
      const other = { ...backup, manifest: { ...backup.manifest, ...change } };
      await expect(verifyBackup(other)).rejects.toMatchObject({ code: 'damage' });
    }
  });
});

describe('the topmost row of a database file', () => {
  /** A database with a log, as a live home has it. */
  async function withLog(): Promise<string> {
    const file = at('logged.sqlite');
    await cp(at('database.sqlite'), file);
    const database = new Database(file);
    database.pragma('journal_mode = WAL');
    database.close();
    return file;
  }

  test('is read of one whose journal mode is WAL, and no log is left beside it', async () => {
    const file = await withLog();
    expect(await topRowOf(file)).toEqual(await topRowOf(at('database.sqlite')));
    expect((await readdir(dir)).filter((name) => name.startsWith('logged'))).toEqual(['logged.sqlite']);
  });

  test('is what a log beside it says, and that log stays', async () => {
    const file = await withLog();
    const writer = new Database(file);
    writer.exec('UPDATE archive SET generation = 77');
    // As a killed process leaves it.
    for (const suffix of ['', '-wal']) await cp(`${file}${suffix}`, `${at('killed.sqlite')}${suffix}`);
    writer.close();
    expect(await topRowOf(at('killed.sqlite'))).toMatchObject({ generation: 77 });
    const left = (await readdir(dir)).filter((name) => name.startsWith('killed'));
    expect(left).toEqual(['killed.sqlite', 'killed.sqlite-wal']);
    expect(await topRowOf(at('killed.sqlite'))).toMatchObject({ generation: 77 });
  });

  test('of one that is no database of ours is damage, of none at all a failure', async () => {
    await writeFile(at('text.sqlite'), 'x'.repeat(8192));
    new Database(at('empty.sqlite')).close();
    const other = new Database(at('other.sqlite'));
    other.exec('CREATE TABLE archive (something)');
    other.close();
    for (const name of ['text', 'empty', 'other']) {
      await expect(topRowOf(at(`${name}.sqlite`)), name).rejects.toMatchObject({ code: 'damage' });
    }
    await expect(topRowOf(at('nowhere.sqlite'))).rejects.toMatchObject({ code: 'store_failed' });
  });
});
