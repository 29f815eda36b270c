import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FileBlobs } from '../../src/blobs/file-blobs.ts';
import type { FsckReport } from '../../src/engine/fsck/findings.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { type Lived, liveALittle, recording } from '../fsck/lived-archive.ts';
import { startTacet } from '../support/tacet-process.ts';

let lived: Lived;
let folder: string;

beforeAll(async () => {
  lived = await liveALittle();
});
afterAll(async () => await lived.forget());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tacet-fsck-cli-'));
  await cp(lived.folder, folder, { recursive: true });
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

describe('tacet fsck', () => {
  test('prints one document and ends with 0 where all is well', async () => {
    const { code, output } = await fsck('--json');
    expect(code).toBe(0);
    const report = JSON.parse(output) as FsckReport;
    expect(Object.keys(report).sort()).toEqual(['clean', 'counts', 'deep', 'locked', 'problems', 'repairs']);
    expect(report).toMatchObject({ clean: true, deep: false, problems: [], repairs: [], counts: { calls: 7 } });
    expect(report.counts).not.toHaveProperty('byTenant');
  });

  test('says what waits for a lock of the blob store, which is no damage', async () => {
    expect(JSON.parse((await fsck('--json')).output)).toMatchObject({ locked: { items: 0, blobs: 0, until: null } });
    expect((await fsck()).output).not.toContain('locked');
    const until = Date.UTC(2100, 0, 2, 3, 4, 5, 6);
    const database = new Database(join(folder, 'home', 'db', 'tacet.sqlite'));
    const lock = database.prepare(`INSERT INTO doomed_blob (blob, owner_id, erasure_id, since, locked_until, retry_at)
      VALUES (?, 'nobody', NULL, 1, ?, ?)`);
    for (const [blob, end] of Object.entries({ first: until - 1, last: until, held: null, over: 5 }))
      lock.run(`${blob}-9999999`, end, 5);
    database.close();
    const locked = { items: 0, blobs: 3, until: '2100-01-02T03:04:05.006Z', withoutEnd: 1 };
    const { code, output } = await fsck('--json');
    expect({ code, ...JSON.parse(output) }).toMatchObject({ code: 0, clean: true, problems: [], locked });
    const lines = (await fsck()).output.trimEnd().split('\n');
    const line = `locked: items of erasures: 0, other blobs: 3, the last until ${locked.until}, until somebody lifts the lock: 1`;
    expect(lines.slice(-2)).toEqual([line, 'clean']);
  });

  test('counts by tenant with --deep', async () => {
    const { code, output } = await fsck('--deep', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      clean: true,
      deep: true,
      counts: { byTenant: { [lived.story.tenantId]: { calls: 7 } } },
    });
  });

  test('says of each problem what it means and what to do, and ends with 1', async () => {
    await plantBytes();
    const { code, output } = await fsck();
    expect(code).toBe(1);
    const lines = output.trimEnd().split('\n');
    expect(lines).toContain('calls: 7');
    expect(lines.at(-2)).toMatch(/^blob_unnamed: blob nobodys-bytes: the blob store has bytes .* --repair/);
    expect(lines.at(-1)).toBe('damaged: 1 problem');
  });

  test('never repairs unless it is asked to', async () => {
    await plantBytes();
    await fsck('--deep');
    expect(await blobs().stat('nobodys-bytes')).not.toBeNull();
  });

  test('ends with 0 when everything was repaired, and marks what was', async () => {
    await plantBytes();
    const { code, output } = await fsck('--repair', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      clean: true,
      problems: [{ code: 'blob_unnamed', what: 'blob nobodys-bytes', repaired: true }],
      repairs: [{ code: 'blob_unnamed', what: 'blob nobodys-bytes' }],
    });
    expect(await blobs().stat('nobodys-bytes')).toBeNull();
    expect(await fsck('--deep')).toMatchObject({ code: 0 });
  });

  test('ends with 1 when damage is left that no repair can help', async () => {
    sql("DELETE FROM artifact WHERE kind = 'details' AND owner_id = ?", lived.story.plain);
    const { code, output } = await fsck('--repair', '--json');
    expect(code).toBe(1);
    const { problems } = JSON.parse(output) as FsckReport;
    expect(problems.map(({ code, repaired }) => ({ code, repaired }))).toEqual([
      { code: 'slot_beside_living', repaired: false },
      { code: 'call_incomplete', repaired: false },
    ]);
  });

  test('takes a database file that makes no sense for damage, and not for a look that failed', async () => {
    await writeFile(join(folder, 'home', 'db', 'tacet.sqlite'), Buffer.alloc(20_000, 'nonsense'));
    const { code, output } = await fsck('--json');
    expect(code).toBe(1);
    expect(JSON.parse(output)).toEqual({
      clean: false,
      deep: false,
      problems: [{ code: 'database_malformed', what: 'SQLITE_NOTADB' }],
      counts: {},
      locked: { items: 0, blobs: 0, until: null, withoutEnd: 0 },
      repairs: [],
    });
    expect(await fsck('--repair')).toMatchObject({ code: 1 });
  });

  test.each(['fsck:cleared', 'fsck:repaired', 'fsck:bytes-erased'])(
    'killed at %s in the middle of a repair, it is ended by the next one',
    async (fault) => {
      await plantBytes();
      const killed = await startTacet(['fsck', '--repair'], { ...env(), TACET_FAULT: fault }).ended;
      expect(killed.signal, killed.errors).toBe('SIGKILL');
      expect(await fsck('--repair')).toMatchObject({ code: 0 });
      expect(await fsck('--deep')).toMatchObject({ code: 0 });
      const server = startTacet(['serve'], { ...env(), TACET_LISTEN: '127.0.0.1:0' });
      await server.listening;
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
    },
  );
});

function env(): Record<string, string> {
  return { TACET_HOME: join(folder, 'home') };
}

async function fsck(...options: string[]) {
  return await startTacet(['fsck', ...options], env()).ended;
}

function blobs(): FileBlobs {
  return new FileBlobs({ root: join(folder, 'home', 'blobs'), faults: noFaults });
}

async function plantBytes(): Promise<void> {
  await blobs().create('nobodys-bytes', recording());
}

function sql(text: string, ...parameters: string[]): void {
  const database = new Database(join(folder, 'home', 'db', 'tacet.sqlite'), { timeout: 5000 });
  database.prepare(text).run(...parameters);
  database.close();
}
