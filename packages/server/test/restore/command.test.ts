/** `tacet backup` and `tacet restore` as an operator uses them, on real files and by processes of their own. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { placeHold } from '../../src/engine/holds/place-hold.ts';
import { expectRetry } from '../crash/invariants.ts';
import { cast, type LifeCall, type Standing } from '../crash/life.ts';
import { HookedFaults } from '../support/hooked-faults.ts';
import { startTacet } from '../support/tacet-process.ts';
import { purgeAll, Stage, type Work } from './stage.ts';
import { refused, tacet } from './tacet.ts';

const commandMsMax = 60_000;
const { kept, keptChat, held, purged, purgedTwice, muted } = cast;

const stages: Stage[] = [];
afterAll(() => {
  for (const stage of stages) stage.end();
});

function staged(stage: Stage): Stage {
  stages.push(stage);
  return stage;
}

/** An archive with calls in it, and a backup of it in the same folder. */
async function backedUp(env: Record<string, string> = {}): Promise<{ stage: Stage; backup: string }> {
  const stage = staged(new Stage(env));
  await stage.process(async (at) => await stage.archive(at, kept, keptChat, held, purged, muted));
  const backup = join(stage.folder, 'backup');
  await tacet(stage, ['backup', backup]);
  return { stage, backup };
}

async function holdAndPurge(at: Work): Promise<void> {
  await holdOne(at);
  await purgeOthers(at);
}

async function holdOne(at: Work): Promise<void> {
  const rest = { identifiers: [], from: null, to: null, reviewAt: null, reason: 'a court asked' };
  await placeHold(at.engine, at.caller, { ...rest, callIds: [at.stage.idOf(held)] });
}

async function purgeOthers(at: Work): Promise<void> {
  await at.stage.archive(at, purgedTwice);
  await purgeAll(at, { by: 'sessions', ids: [purged.session, purgedTwice.session, held.session] });
}

const afterwards: readonly (readonly [LifeCall, Standing])[] = [
  [kept, 'whole'],
  [keptChat, 'whole'],
  [muted, 'whole'],
  [held, 'whole'],
  [purged, 'gone'],
  [purgedTwice, 'gone'],
];

async function expectAfterwards(stage: Stage): Promise<void> {
  await stage.expectSound();
  await stage.expectStandings(afterwards);
  await stage.process(async (at) => {
    await expectRetry(at.engine, at.caller, purgedTwice, 'gone');
    // Still held: what nobody may erase is not erased.
    await purgeAll(at, { by: 'sessions', ids: [held.session] });
  });
  await stage.expectStandings([[held, 'whole']]);
}

/** The disk as a machine leaves it that loses its power when the product comes to a step. */
async function diskAt(
  stage: Stage,
  point: string,
  work: (at: Work) => Promise<void>,
  sealedBefore: (at: Work) => Promise<void> = async () => undefined,
): Promise<Stage> {
  const faults = new HookedFaults();
  let disk: Stage | undefined;
  await stage.process(
    async (at) => {
      await sealedBefore(at);
      await at.engine.sealer.sealed();
      const snapped = faults.next(point, async () => {
        disk = staged(Stage.like(stage));
      });
      await work(at);
      at.engine.sealer.request();
      await snapped;
    },
    { faults },
  );
  if (disk === undefined) throw new Error(`it never came to ${point}`);
  return disk;
}

describe('a restore from a backup', () => {
  test('erases again what was erased since, keeps what is held, and lets the rest play', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, backup } = await backedUp();
    await stage.process(holdAndPurge);
    const report = await tacet(stage, ['restore', '--from', backup]);
    expect(report).toMatchObject({
      verified: true,
      replaced: { unsealed: 'carried over' },
      itemsVerified: 2,
      holdsPlaced: [expect.any(String)],
      callsWithoutBytes: [],
    });
    await expectAfterwards(stage);
  });

  test('carries over what a machine that lost its power had not sealed yet', { timeout: commandMsMax }, async () => {
    const { stage, backup } = await backedUp();
    const disk = await diskAt(stage, 'seal:begun', purgeOthers, holdOne);
    expect(await tacet(disk, ['restore', '--from', backup])).toMatchObject({
      replaced: { unsealed: 'carried over' },
      itemsVerified: 2,
    });
    await expectAfterwards(disk);
  });

  test('says so where the database that it replaces does not open, and goes by what was sealed', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, backup } = await backedUp();
    await stage.process(holdAndPurge);
    writeFileSync(join(stage.config.home, 'db', 'tacet.sqlite'), 'no database');
    expect(await tacet(stage, ['restore', '--from', backup])).toMatchObject({
      replaced: { unsealed: 'lost' },
      itemsVerified: 2,
    });
    await expectAfterwards(stage);
  });

  test('waits until the present database can be sealed, which may know of erasures that nobody else does', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, backup } = await backedUp();
    const disk = await diskAt(stage, 'seal:begun', purgeOthers, holdOne);
    const file = join(disk.config.home, 'db', 'tacet.sqlite');
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    // Not by digests: reading the file here would drop our lock on it.
    expect((await startTacet(['restore', '--from', backup], disk.env).ended).code).toBe(1);
    other.exec('ROLLBACK');
    const unknown = "INSERT INTO migration (name, applied_at) VALUES ('9999-later', 1)";
    other.exec(unknown);
    other.close();
    expect((await startTacet(['restore', '--from', backup], disk.env).ended).code).toBe(9);
    const again = new Database(file);
    again.exec("DELETE FROM migration WHERE name = '9999-later'");
    again.close();
    expect(await tacet(disk, ['restore', '--from', backup])).toMatchObject({ itemsVerified: 2 });
    await expectAfterwards(disk);
  });

  test('of the very last seal lets nobody in either before it has come to its end', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, backup } = await backedUp();
    const asked = ['restore', '--from', backup];
    const killed = await startTacet(asked, { ...stage.env, TACET_FAULT: 'restore:replaced' }).ended;
    expect(killed.signal).toBe('SIGKILL');
    expect((await startTacet(['keys', 'status'], stage.env).ended).code).toBe(7);
    await tacet(stage, ['restore']);
    await stage.expectStandings([[kept, 'whole']]);
  });

  test('works on an empty machine that has the vault and the recordings', { timeout: commandMsMax }, async () => {
    const { stage, backup } = await backedUp();
    await stage.process(holdAndPurge);
    rmSync(join(stage.config.home, 'db'), { recursive: true });
    expect(await tacet(stage, ['restore', '--from', backup])).toMatchObject({
      replaced: { unsealed: 'no database' },
    });
    await expectAfterwards(stage);
  });

  test('waits for no killed server, and is kept out by a running one', { timeout: commandMsMax }, async () => {
    const { stage, backup } = await backedUp();
    const server = startTacet(['serve'], { ...stage.env, TACET_LISTEN: '127.0.0.1:0' });
    await server.listening;
    const kept = await startTacet(['restore', '--from', backup], stage.env).ended;
    expect(kept).toMatchObject({ code: 1 });
    expect(kept.errors).toContain('stop it first');
    server.child.kill('SIGKILL');
    await server.ended;
    await tacet(stage, ['restore', '--from', backup]);
  });
});

describe.each([
  ['with the root keys as they are', undefined],
  ['with a recovery key', await generateX25519Identity()],
])('%s', (_, identity) => {
  test.each(['seal:vault-written', 'seal:row-written', 'seal:committed'])(
    'a seal cut at %s before the backup and again after the purge brings nothing back',
    { timeout: commandMsMax },
    async (point) => {
      const env = identity === undefined ? {} : { TACET_RECOVERY_KEY: await identityToRecipient(identity) };
      const whole = staged(new Stage(env));
      const before = await diskAt(whole, point, async (at) => {
        await at.stage.archive(at, kept, keptChat, held, purged, muted);
      });
      const backup = join(before.folder, 'backup');
      await tacet(before, ['backup', backup]);
      const after = await diskAt(before, point, purgeOthers, holdOne);
      const asked = ['restore', '--from', backup];
      if (identity) {
        const file = join(after.folder, 'identity');
        writeFileSync(file, `# kept offline\n${identity}\n`);
        asked.push('--identity', file);
      }
      expect(await tacet(after, asked)).toMatchObject({ verified: true, itemsVerified: 2 });
      await expectAfterwards(after);
    },
  );
});

describe('refused, with the reason and before anything is touched, is', () => {
  test('a backup past its horizon, whether its root key has gone or not', { timeout: commandMsMax }, async () => {
    const { stage, backup } = await backedUp();
    await stage.process(holdAndPurge);
    const short = { TACET_BACKUP_HORIZON: '1ms' };
    const asked = ['restore', '--from', backup];
    expect(await refused(stage, asked, 10, short)).toContain('its horizon ended at');
    await tacet(stage, ['keys', 'seal'], short);
    expect(await refused(stage, asked, 10)).toContain('was destroyed');
    await stage.expectStandings(afterwards);
  });

  test('any backup under horizon 0', { timeout: commandMsMax }, async () => {
    const { stage, backup } = await backedUp();
    const said = await refused(stage, ['restore', '--from', backup], 10, { TACET_BACKUP_HORIZON: '0' });
    expect(said).toContain('the horizon is 0');
  });

  test('a vault older than the database, and one of another archive', { timeout: commandMsMax }, async () => {
    const stage = staged(new Stage());
    const vault = `${stage.config.home}-keys`;
    await stage.process(async (at) => await stage.archive(at, kept));
    cpSync(vault, join(stage.folder, 'old-vault'), { recursive: true });
    await stage.process(async (at) => await stage.archive(at, purged));
    await stage.process(async (at) => void (await at.engine.rootKeys.seal()));
    const backup = join(stage.folder, 'backup');
    await tacet(stage, ['backup', backup]);
    rmSync(vault, { recursive: true });
    cpSync(join(stage.folder, 'old-vault'), vault, { recursive: true });
    const said = await refused(stage, ['restore', '--from', backup], 8);
    expect(said).toContain('older than the database');
    expect(await refused(stage, ['restore'], 8)).toContain('older than the database');

    const other = staged(new Stage());
    await other.process(async (at) => await other.archive(at, kept));
    await refused(other, ['restore', '--from', backup], 8);
  });

  test('a backup of a newer version, and one into whose home another archive has stored its recordings', {
    timeout: commandMsMax,
  }, async () => {
    const { stage, backup } = await backedUp();
    const asked = ['restore', '--from', backup];
    const manifest = join(backup, 'manifest.json');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace(/"schema": "[^"]*"/, '"schema": "9999-later"'));
    await refused(stage, asked, 9);
    writeFileSync(manifest, text);
    const marker = join(stage.config.home, 'blobs', 'archive');
    const own = readFileSync(marker, 'utf8');
    writeFileSync(marker, own.replace(/"archiveId":"./, '"archiveId":"f'));
    await refused(stage, asked, 8);
    writeFileSync(marker, own);
    await tacet(stage, asked);
  });

  test('a backup that is not whole', { timeout: commandMsMax }, async () => {
    const { stage, backup } = await backedUp();
    const database = join(backup, 'database.sqlite');
    const whole = readFileSync(database);
    const bent = Buffer.from(whole);
    bent.writeUInt8((bent.at(-1) ?? 0) ^ 1, bent.length - 1);
    writeFileSync(database, bent);
    await refused(stage, ['restore', '--from', backup], 1);
    writeFileSync(database, whole.subarray(0, -4096));
    await refused(stage, ['restore', '--from', backup], 2);
    writeFileSync(database, whole);
    rmSync(join(backup, 'manifest.json'));
    await refused(stage, ['restore', '--from', backup], 2);
    await refused(stage, ['restore', '--from', join(stage.folder, 'nowhere')], 2);
  });

  test('a home without a database, where no backup is named', { timeout: commandMsMax }, async () => {
    const { stage } = await backedUp();
    rmSync(join(stage.config.home, 'db'), { recursive: true });
    expect(await refused(stage, ['restore'], 2)).toContain('--from');
    await refused(stage, ['keys', 'status'], 7);
  });
});
